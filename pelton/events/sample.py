"""An example body of a function: made of its types, by their JSON Schema, the same every time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..handlers.codec.schema import Schemas
from ..handlers.function import Function

_TEXTS = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00",
    "decimal": "1.5",
    "email": "somebody@example.com",
    "uri": "https://example.com/",
}
_DEEPEST = 12  # of types that hold themselves


def sample_body(function: Function[..., Any]) -> Any:
    """What the function could be sent; None for one that takes no body or anything.

    >>> from pelton import App
    >>> app = App("doc")
    >>> @app.function
    ... def add(n: list[int]) -> int:
    ...     return sum(n)
    >>> sample_body(add)
    [1]
    """
    codec = function.codec
    if codec is None or codec.mode not in ("value", "batch"):
        return None
    schemas = Schemas()
    schema = schemas.of(codec.input_type)
    return _Sampler(schemas.place, schemas.definitions).of(
        schema.get("items", {}) if codec.mode == "batch" else schema
    )


class _Sampler:
    def __init__(self, place: str, definitions: Mapping[str, Any]) -> None:
        self._place, self._definitions = place, definitions

    def of(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        """A value that fits; the shortest where types hold themselves."""
        if depth > _DEEPEST:
            return None
        if "$ref" in schema:
            name = str(schema["$ref"]).removeprefix(self._place)
            return self.of(self._definitions[name], depth + 1)
        for told in ("const", "default"):
            if told in schema:
                return schema[told]
        for several in ("enum", "examples"):
            if schema.get(several):
                return schema[several][0]
        for several in ("anyOf", "oneOf", "allOf"):
            if schema.get(several):
                return self.of(schema[several][0], depth + 1)
        return self._typed(schema, depth)

    def _typed(self, schema: Mapping[str, Any], depth: int) -> Any:
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return _text(schema)
            case "integer" | "number" as kind:
                return _number(schema, kind == "integer")
            case "boolean":
                return True
        return None

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        wanted = schema.get("required", ()) if depth > _DEEPEST // 2 else properties
        return {name: self.of(properties[name], depth + 1) for name in wanted if name in properties}

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        if "prefixItems" in schema:
            return [self.of(each, depth + 1) for each in schema["prefixItems"]]
        if depth > _DEEPEST // 2 or not schema.get("items"):
            return []
        return [self.of(schema["items"], depth + 1)] * max(1, int(schema.get("minItems", 1)))


def _text(schema: Mapping[str, Any]) -> str:
    if schema.get("contentEncoding") == "base64":
        return "dGV4dA=="
    known = _TEXTS.get(str(schema.get("format")), "text")
    return known.ljust(int(schema.get("minLength", 0)), "x")[: int(schema.get("maxLength", 1000))]


def _number(schema: Mapping[str, Any], whole: bool) -> float:
    step = schema.get("multipleOf")
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    value = 1 if whole else 1.5
    if least is not None and value <= least:
        value = least + (1 if "exclusiveMinimum" in schema else 0)
    if most is not None and value >= most:
        value = most - (1 if "exclusiveMaximum" in schema else 0)
    if step:
        value = step * -(-value // step)
    return int(value) if whole else value
