"""Lambda's service model, read from botocore's JSON: operations, routes and shapes.

The file is read directly, because importing botocore costs more than the emulator's whole
start.  It knows how requests are addressed, nothing of what they do.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

Shape = Mapping[str, Any]

_FILE = "data/lambda/2015-03-31/service-2.json.gz"


@dataclass(frozen=True, slots=True)
class Member:
    """One input or output member: where it travels and under which name."""

    name: str
    shape: str
    location: str  # uri, querystring, header, headers, statusCode, body
    wire: str
    required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the service, compiled for parsing and answering."""

    name: str
    method: str
    segments: tuple[str, ...]  # "{FunctionName}" stands for one path segment
    query: tuple[tuple[str, str], ...]  # literals that the query must hold
    status: int
    input: tuple[Member, ...]
    output: tuple[Member, ...]
    payload_in: str  # the member that is the whole body, or ""
    payload_out: str
    opaque_body: bool  # the body is one blob that the model does not constrain
    headers: tuple[str, ...]  # the input's header names, in lower case


class Model:
    """The service as data.

    >>> found = load().route("GET", "/2015-03-31/functions/arn%3Aaws%3Ax/configuration", "")
    >>> found[0].name, found[1]
    ('GetFunctionConfiguration', {'FunctionName': 'arn:aws:x'})
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.shapes: Mapping[str, Shape] = document["shapes"]
        self.operations = {
            name: self._operation(name, each) for name, each in document["operations"].items()
        }
        self._routes: dict[tuple[str, int], list[Operation]] = {}
        for operation in self.operations.values():
            key = (operation.method, len(operation.segments))
            self._routes.setdefault(key, []).append(operation)
        for same in self._routes.values():
            # Literal segments before variable ones; a query literal before none.
            same.sort(key=lambda o: (sum(s[0] == "{" for s in o.segments), -len(o.query)))
        self.roots = frozenset(o.segments[:2] for o in self.operations.values())

    def route(self, method: str, path: str, query: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation that a request addresses, and the variables of its path, decoded."""
        segments = path.strip("/").split("/")
        for operation in self._routes.get((method, len(segments)), ()):
            variables = _match(operation, segments, query)
            if variables is not None:
                return operation, variables
        return None

    def is_lambda_path(self, path: str) -> bool:
        """Whether `path` begins as a dated path of this service does."""
        return tuple(path.strip("/").split("/")[:2]) in self.roots

    def _operation(self, name: str, each: Mapping[str, Any]) -> Operation:
        uri, _, query = each["http"]["requestUri"].partition("?")
        source = self.shapes[each["input"]["shape"]] if "input" in each else {}
        answer = self.shapes[each["output"]["shape"]] if "output" in each else {}
        return Operation(
            name,
            each["http"]["method"],
            tuple(uri.strip("/").split("/")),
            tuple((key, value[0]) for key, value in parse_qs(query).items()),
            int(each["http"].get("responseCode", 200)),
            _members(source),
            _members(answer),
            source.get("payload", ""),
            answer.get("payload", ""),
            self._is_opaque(source),
            tuple(each.wire.lower() for each in _members(source) if each.location == "header"),
        )

    def _is_opaque(self, source: Shape) -> bool:
        if "payload" not in source:
            return False
        shape = self.shapes[source["members"][source["payload"]]["shape"]]
        return shape["type"] == "blob" and not {"min", "max"} & set(shape)


def _members(shape: Shape) -> tuple[Member, ...]:
    required = shape.get("required", ())
    return tuple(
        Member(
            name,
            each["shape"],
            each.get("location", "body"),
            each.get("locationName", name),
            name in required,
        )
        for name, each in shape.get("members", {}).items()
    )


def _match(operation: Operation, segments: list[str], query: str) -> dict[str, str] | None:
    variables = {}
    for pattern, segment in zip(operation.segments, segments, strict=True):
        if pattern[0] == "{":
            variables[pattern.strip("{}+")] = unquote(segment)
        elif pattern != segment:
            return None
    if operation.query:
        given = parse_qs(query, keep_blank_values=True)
        if any(given.get(key, [""])[0] != value for key, value in operation.query):
            return None
    return variables


@cache
def load() -> Model:
    """The model that the installed botocore ships.  Raises RuntimeError when there is none."""
    spec = find_spec("botocore")
    if spec is None or spec.origin is None:
        raise RuntimeError("the emulator needs botocore: pip install 'pelton[emulator]'")
    document = json.loads(gzip.decompress((Path(spec.origin).parent / _FILE).read_bytes()))
    return Model(document)
