"""The OpenAPI document: its schemas take what the codec takes, its page needs nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, NotRequired, TypedDict
from uuid import UUID

import jsonschema
import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from pydantic import BaseModel, Field

import pelton
from pelton.cli import command
from pelton.handlers.codec.faults import Fault
from pelton.handlers.codec.schema import Schemas
from pelton.handlers.codec.types import converter
from pelton.runtime.openapi import document
from pelton.runtime.openapi_page import page


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass
class Node:
    value: float
    below: list[Node] = field(default_factory=list)


class Row(TypedDict):
    at: str
    note: NotRequired[str]


class Leg(BaseModel):
    miles: float = Field(gt=0)
    kind: Size = Size.SMALL


class Trip(BaseModel):
    legs: list[Leg]


Miles = NewType("Miles", int)

# annotation: (values that fit, values that do not)
TYPES: list[tuple[Any, list[Any], list[Any]]] = [
    (int, [1, -3], ["1", None, [1]]),
    (float, [1, 2.5], ["1", None]),
    (bool, [True], [1, "true"]),
    (str, ["", "é"], [1, None]),
    (bytes, ["aGk="], [1]),
    (None, [None], [0]),
    (Miles, [3], ["3"]),
    (int | None, [1, None], ["1"]),
    (list[int], [[], [1]], [["a"], 1, {}]),
    (set[int], [[1]], [["a"]]),
    (tuple[int, str], [[1, "a"]], [[1], [1, 2], [1, "a", 3]]),
    (tuple[int, ...], [[], [1, 2]], [["a"]]),
    (dict[str, float], [{}, {"a": 1}], [{"a": "b"}, []]),
    (Literal["a", 2], ["a", 2], ["b", 3]),
    (Size, ["small"], ["medium"]),
    (Node, [{"value": 1}, {"value": 1, "below": [{"value": 2}]}], [{}, {"value": "a"}, 1]),
    (Row, [{"at": "x"}, {"at": "x", "note": "y"}], [{}, {"at": 1}]),
    (Leg, [{"miles": 1}], [{"miles": -1}, {}, {"miles": 1, "kind": "medium"}]),
    (Trip, [{"legs": [{"miles": 1}]}], [{"legs": [{}]}, {}]),
    (list[Trip], [[{"legs": []}]], [[{}]]),
    (Annotated[int, Field(ge=3)], [3], [2]),
    (Annotated[int, "a note"], [3], ["3"]),
    (datetime, ["2024-01-01T00:00:00"], [1]),
    (timedelta, [1.5], ["a"]),
    (UUID, ["12345678123456781234567812345678"], [1]),
    (npt.NDArray[np.float32], [[1, 2], [[1], [2]]], [{}, "a"]),
    (Any, [1, "a", None, {}], []),
]


@pytest.mark.parametrize(("annotation", "good", "bad"), TYPES, ids=[str(t[0]) for t in TYPES])
def test_a_schema_takes_what_the_codec_takes(annotation: Any, good: Any, bad: Any) -> None:
    schemas = Schemas("#/$defs/")
    schema = schemas.of(annotation) | {"$defs": schemas.definitions}
    holds = jsonschema.Draft202012Validator(schema)
    holds.check_schema(schema)
    decode = converter(annotation).decode
    for value in good:
        decode(value)
        assert holds.is_valid(value), value
    for value in bad:
        with pytest.raises(Fault):
            decode(value)
        assert not holds.is_valid(value), value


def test_two_classes_of_one_name_are_two_definitions() -> None:
    def make() -> type:
        @dataclass
        class Node:
            other: str

        return Node

    schemas = Schemas()
    assert schemas.of(Node) != schemas.of(make())
    assert len(schemas.definitions) == 2
    assert schemas.of(Decimal) == {"type": "string", "format": "decimal"}


def words(text: str) -> Iterator[str]:
    yield text


def typed(row: Row) -> Node:
    return Node(1)


def an_app() -> pelton.App:
    app = pelton.App("typed")
    app.serve(pelton.Graph("words") >> words)

    @app.function(triggers=[pelton.http("PUT", "/rows/{at}"), pelton.http("GET", "/rows/{at}")])
    def rows(row: Row) -> Node:
        """Keep a row."""
        return Node(1)

    app.serve(pelton.oip(pelton.Graph("model") >> rows_to_size))
    return app


def rows_to_size(row: list[float]) -> int:
    return len(row)


def made() -> dict[str, Any]:
    app = an_app()
    routes = [(each, f) for f in app.functions.values() for each in f.triggers]
    routes.append((pelton.http("POST", "/words"), app.functions["words"]))
    return document("typed", routes)  # type: ignore[arg-type]


def test_a_document_says_the_routes_and_their_types() -> None:
    paths = made()["paths"]
    put = paths["/rows/{at}"]["put"]
    assert (put["operationId"], put["summary"]) == ("rows", "Keep a row.")
    assert put["parameters"][0] == {
        "name": "at",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
    }
    body = put["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Row"}
    assert "requestBody" not in paths["/rows/{at}"]["get"]
    answer = put["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Node"}
    items = paths["/words"]["post"]["responses"]["200"]["content"]
    assert items["text/event-stream"]["schema"] == {"type": "string"}
    assert {"get"} == set(paths["/v2/models/model"])
    assert "inputs" in json.dumps(paths["/v2/models/model/infer"]["post"]["requestBody"])


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(made())
    named = made()["components"]["schemas"]
    found = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert {"Row", "Node", "Error", "Fault"} <= found
    assert found <= named.keys()


def test_the_page_needs_nothing_from_elsewhere() -> None:
    html = page(made())
    assert "/rows/{at}" in html
    assert not re.findall(r"""(?:src|href)=["'](?!/openapi.json)""", html)
    assert "<b>" not in page({"info": {"title": "<b>"}, "paths": {}})


def test_the_command_prints_it(tmp_path: Path) -> None:
    (tmp_path / "sized_app.py").write_text(
        "import pelton\ndef size(text: str) -> int:\n    return len(text)\n"
        "graph = pelton.Graph('sized') >> size\n"
    )
    said = CliRunner().invoke(command, ["openapi", f"{tmp_path / 'sized_app.py'}:graph"])
    found = json.loads(said.output)
    assert found["info"]["title"] == "sized"
    assert {"/sized", "/v2/models/sized/infer"} <= found["paths"].keys()
