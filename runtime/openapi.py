"""An OpenAPI document of functions at their HTTP routes, made from their codecs' types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..handlers.codec.schema import Schemas
from ..handlers.codec.streams import parts
from ..handlers.function import Function
from ..handlers.triggers import Http

_ERROR = {
    "title": "Error",
    "type": "object",
    "properties": {
        "error": {"type": "string"},
        "details": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
        "step": {"type": "string", "description": "of a graph: where it was raised"},
        "input_digest": {"type": "string"},
    },
    "required": ["error"],
}
_FAULT = {
    "title": "Fault",
    "type": "object",
    "properties": {
        "path": {"type": "array", "items": {"type": ["string", "integer"]}},
        "message": {"type": "string"},
        "type": {"type": "string"},
    },
}
_SAID = {
    "400": "The body is not what its content type says.",
    "422": "The body does not fit, or was rejected.",
    "429": "Too much is under way.",
    "500": "A bug of the function.",
    "503": "Not ready.",
}


def document(
    title: str,
    routes: Iterable[tuple[Http, Function[..., Any]]],
    *,
    version: str = "1",
    servers: Iterable[str] = (),
) -> dict[str, Any]:
    """The document (OpenAPI 3.1).  What has paths of its own (`openapi`) brings them.

    >>> from pelton import App, http
    >>> app = App("doc")
    >>> @app.function(triggers=[http("POST", "/double")])
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> made = document("doc", [(double.triggers[0], double)])
    >>> made["paths"]["/double"]["post"]["requestBody"]["content"]
    {'application/json': {'schema': {'type': 'integer'}}}
    """
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for trigger, function in routes:
        own = getattr(function.user_function, "openapi", None)
        if own is not None:
            for path, operations in own().items():
                paths.setdefault(path, {}).update(operations)
            continue
        path = trigger.path.replace("+}", "}")
        method = "post" if trigger.method == "ANY" else trigger.method.lower()
        paths.setdefault(path, {})[method] = _operation(trigger, function, schemas)
    found = {"Error": _ERROR, "Fault": _FAULT} | dict(sorted(schemas.definitions.items()))
    made: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": title, "version": version}}
    if listed := [{"url": each} for each in servers]:
        made["servers"] = listed
    return made | {"paths": paths, "components": {"schemas": found}}


def _operation(trigger: Http, function: Function[..., Any], schemas: Schemas) -> dict[str, Any]:
    lines = (function.__doc__ or "").strip().splitlines()
    made: dict[str, Any] = {"operationId": function.name}
    if function.settings.description or (lines and not hasattr(function.user_function, "steps")):
        made["summary"] = function.settings.description or lines[0]
    if parameters := _parameters(trigger):
        made["parameters"] = parameters
    codec = function.codec
    if codec is not None and codec.mode != "none" and trigger.method not in ("GET", "HEAD"):
        content = _content(codec.input_type, schemas)
        made["requestBody"] = {"required": True, "content": content}
    made["responses"] = {"200": _answer(codec, schemas)} | {
        status: {"description": text, "content": _json({"$ref": "#/components/schemas/Error"})}
        for status, text in _SAID.items()
    }
    return made


def _parameters(trigger: Http) -> list[dict[str, Any]]:
    names = [each[1:-1].removesuffix("+") for each in trigger.path.split("/") if each[:1] == "{"]
    text = {"type": "string"}
    return [{"name": each, "in": "path", "required": True, "schema": text} for each in names]


def _answer(codec: Any, schemas: Schemas) -> dict[str, Any]:
    if codec is None:
        return {"description": "The function's own answer."}
    if not codec.streams:
        return {"description": "The answer.", "content": _content(codec.output_type, schemas)}
    item, whole = parts(codec.output_type)
    said = {"schema": schemas.of(item), "description": "One item; they come as they are made."}
    content = {each: said for each in ("text/event-stream", "application/x-ndjson")}
    either = _content(whole, schemas) if whole is not None else {}
    return {"description": "The items, as they come.", "content": either | content}


def _content(annotation: Any, schemas: Schemas) -> dict[str, Any]:
    if annotation is str:
        return {"text/plain": {"schema": {"type": "string"}}}
    if annotation is bytes:
        return {"application/octet-stream": {"schema": {}}}
    return _json(schemas.of(annotation))


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": dict(schema)}}
