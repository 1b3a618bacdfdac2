"""One request of the dashboard's API as its resources read it, and the forms of their answers.

It knows HTTP and JSON, and no resource.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl

from ...front import Request, Response
from ..errors import Refused

NAMESPACE = "nuclio"
# Go's strconv.ParseBool, which the dashboard reads its parameters with.
_TRUE, _FALSE = {"1", "t", "T", "TRUE", "true", "True"}, {"0", "f", "F", "FALSE", "false", "False"}


@dataclass(frozen=True, slots=True)
class Call:
    """A request below a resource; `rest` is the path's words after the resource's name."""

    request: Request
    rest: tuple[str, ...]

    @property
    def method(self) -> str:
        return self.request.method

    def header(self, name: str) -> str:
        """A header's value, "" when it is not there."""
        return self.request.headers.get(name, "")

    def says(self, name: str) -> bool:
        """Whether a header says "true", in any case."""
        return self.header(name).lower() == "true"

    def parameter(self, name: str) -> str:
        return dict(parse_qsl(self.request.query, keep_blank_values=True)).get(name, "")

    def flag(self, name: str, default: bool = False) -> bool:
        """A parameter that is true or false; anything else is as good as absent.

        >>> Call(Request("GET", "/?export=1&follow=maybe"), ()).flag("export")
        True
        >>> Call(Request("GET", "/?export=1&follow=maybe"), ()).flag("follow", True)
        True
        """
        value = self.parameter(name)
        return True if value in _TRUE else False if value in _FALSE else default

    def body(self) -> dict[str, Any]:
        """The body, which must be an object of JSON; raises `Refused` 400."""
        # As Go reads it: what is no UTF-8, or half of a pair, is U+FFFD.
        text = self.request.body.decode("utf-8", "replace")
        try:
            body = json.loads(text, parse_float=_number, parse_constant=_number)
            if "\\ud" in text.lower():
                body = json.loads(_whole(json.dumps(body, ensure_ascii=False)))
        except ValueError as error:
            raise Refused(400, f"Failed to parse JSON body: {error}") from None
        except RecursionError:
            raise Refused(400, "Failed to parse JSON body: it is nested too deeply") from None
        if not isinstance(body, dict):
            raise Refused(400, "Failed to parse JSON body: it is no object")
        return body


def _number(text: str) -> float:
    """A number; JSON has none that is not finite, whatever Python's reader takes."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number that can be kept")
    return value


def _whole(text: str) -> str:
    """
    >>> _whole("a\\ud800")
    'a\ufffd'
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Resource(Protocol):
    """What answers the requests below one name of the API."""

    async def answer(self, call: Call) -> Response: ...


def told(status: int, body: Any) -> Response:
    """An answer with a document."""
    return Response(status, [("Content-Type", "application/json")], json.dumps(body).encode())


def done(status: int = 204) -> Response:
    """An answer with nothing in it."""
    return Response(status)


def refused(refusal: Refused) -> Response:
    """An error as every resource but the invocations says it.

    >>> refused(Refused(404, "Function not found")).body
    b'{"error": "Function not found", "errorStackTrace": "\\\\nError - Function not found\\\\n"}'
    """
    body = {"error": refusal.message, "errorStackTrace": f"\nError - {refusal.message}\n"}
    return told(refusal.status, body)


def not_taken(call: Call, what: str) -> Refused:
    """The refusal of a method or of a path that a resource does not have."""
    if call.rest and call.method == "GET":
        return Refused(404, f"{what} have no {'/'.join(call.rest)}")
    return Refused(405, f"{what} do not take {call.method} there")


def name_of(body: Mapping[str, Any], what: str, fallback: str = "") -> str:
    """The name in a document's metadata; raises `Refused` 400 when there is none."""
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise Refused(400, f"metadata must be an object, not {json.dumps(metadata)[:80]}")
    name = metadata.get("name") or fallback
    if not name or not isinstance(name, str):
        raise Refused(400, f"{what} name must be provided in metadata")
    return name


def same_namespace(document: Mapping[str, Any], wanted: str) -> bool:
    """Whether a document is in the namespace that was asked for; "" and "*" are all of them."""
    return wanted in ("", "*", (document.get("metadata") or {}).get("namespace") or NAMESPACE)
