"""The protocol's routes for an OpenAPI document of a server that has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_TENSOR = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "datatype": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "parameters": {"type": "object"},
        "data": {"type": "array"},
    },
    "required": ["name", "datatype", "shape"],
}
_REQUEST = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "parameters": {"type": "object"},
        "inputs": {"type": "array", "items": _TENSOR},
        "outputs": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["inputs"],
}
_RESPONSE = {
    "type": "object",
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "outputs": {"type": "array", "items": _TENSOR},
    },
}
_OBJECT = {"type": "object"}


def paths(models: Iterable[str]) -> dict[str, Any]:
    """The protocol's operations, the inference of each model by its name."""
    found: dict[str, Any] = {
        "/v2": {"get": _operation("The server and its extensions.")},
        "/v2/health/live": {"get": _operation("Whether the server is live.")},
        "/v2/health/ready": {"get": _operation("Whether every model is ready.")},
        "/v2/repository/index": {"post": _operation("The models, loaded or not.", _OBJECT)},
    }
    for name in models:
        place = f"/v2/models/{name}"
        found[place] = {"get": _operation(f"The tensors of {name}.")}
        found[f"{place}/ready"] = {"get": _operation(f"Whether {name} is ready.")}
        said = _operation(f"An inference by {name}.", _REQUEST, _RESPONSE)
        found[f"{place}/infer"] = {"post": said}
        for verb in ("load", "unload"):
            path = f"/v2/repository/models/{name}/{verb}"
            found[path] = {"post": _operation(f"{verb.capitalize()} {name}.", _OBJECT)}
    return found


def _operation(summary: str, takes: Any = None, gives: Any = None) -> dict[str, Any]:
    made: dict[str, Any] = {"summary": summary, "tags": ["Open Inference Protocol"]}
    if takes is not None:
        made["requestBody"] = {"content": {"application/json": {"schema": takes}}}
    content = {"application/json": {"schema": gives or _OBJECT}}
    return made | {"responses": {"200": {"description": "The answer.", "content": content}}}
