"""rest-json for one service: a request becomes an operation's input, its output a response.

Driven by the model alone.  Members that are absent stay absent in both directions; it knows
no operation by name.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from ..front import Request, Response
from .errors import AwsError
from .jackson import parsed
from .model import Member, Model, Operation

Values = dict[str, Any]
_NUMBER = re.compile(r"-?[0-9]{1,18}")

_PYTHON: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "double": (int, float),
    "float": (int, float),
    "timestamp": (int, float, str),
    "structure": dict,
    "map": dict,
    "list": list,
}


def parse(
    model: Model, operation: Operation, variables: Mapping[str, str], request: Request
) -> Values:
    """The operation's input.  Raises SerializationException (400) for a body of other types."""
    values: Values = {}
    query = parse_qs(request.query, keep_blank_values=True) if request.query else {}
    body: Any = None
    for member in operation.input:
        found: Any = None
        if member.location == "uri":
            kind = model.shapes[member.shape]["type"]
            found = _from_text(kind, variables[member.wire], member.name)
        elif member.location == "querystring":
            found = _from_query(model, member, query.get(member.wire))
        elif member.location == "header":
            found = request.headers.get(member.wire.lower())
        elif member.name == operation.payload_in:
            found = request.body
        else:
            body = _document(request.body) if body is None else body
            if body.get(member.wire) is not None:
                found = _decoded(model, member.shape, body[member.wire], member.name)
        if found is not None:
            values[member.name] = found
    return values


def answer(
    model: Model, operation: Operation, values: Mapping[str, Any], request_id: str
) -> Response:
    """The response that carries `values`; the member "StatusCode" sets its status."""
    status, headers = operation.status, [("x-amzn-RequestId", request_id)]
    body: dict[str, Any] = {}
    for member in operation.output:
        value = values.get(member.name)
        if value is None or member.name == operation.payload_out:
            continue
        if member.location == "statusCode":
            status = int(value)
        elif member.location == "header":
            headers.append((member.wire, str(value)))
        else:
            body[member.wire] = encoded(model, member.shape, value)
    if not any(name == "Content-Type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    if operation.payload_out:
        payload = values.get(operation.payload_out, b"")
        if isinstance(payload, AsyncIterator):
            return Response(status, headers, chunks=payload)
        return Response(status, headers, payload)
    content = json.dumps(body).encode() if operation.output and status != 204 else b""
    return Response(status, headers, content)


def failure(model: Model, error: AwsError, request_id: str) -> Response:
    """The response that tells `error`, in the case and with the members of its exception."""
    members = model.shapes.get(error.code, {}).get("members", {})
    headers = [
        ("x-amzn-RequestId", request_id),
        ("x-amzn-ErrorType", error.code),
        ("Content-Type", "application/json"),
    ]
    body: dict[str, Any] = {}
    typed = "Type" in members or error.code == "RequestEntityTooLargeException"
    if typed and error.typed:
        body["Type"] = "User" if error.status < 500 else "Service"
    body["Message" if "Message" in members else "message"] = error.message
    for name, value in error.extra.items():
        member = members.get(name, {})
        if member.get("location") == "header":
            headers.append((member["locationName"], value))
        else:
            body[name] = value
    return Response(error.status, headers, json.dumps(body).encode())


def encoded(model: Model, name: str, value: Any) -> Any:
    """`value` of shape `name` as JSON-ready data; members that the shape lacks are left out."""
    shape = model.shapes[name]
    kind = shape["type"]
    if kind == "structure":
        return {
            each.get("locationName", member): encoded(model, each["shape"], value[member])
            for member, each in shape.get("members", {}).items()
            if value.get(member) is not None
        }
    if kind == "list":
        return [encoded(model, shape["member"]["shape"], each) for each in value]
    if kind == "map":
        return {key: encoded(model, shape["value"]["shape"], each) for key, each in value.items()}
    if kind == "blob":
        return base64.b64encode(value).decode()
    return value


def _document(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    document = parsed(body)
    if not isinstance(document, dict):
        raise _unreadable("Could not parse request body into json: it is not an object")
    if not body.isascii() or b"\\u" in body:
        _refuse_halves(document)
    return document


def _refuse_halves(document: dict[str, Any]) -> None:
    """No text that could not be written down again: half of a surrogate pair, or so deep."""
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        raise _unreadable(
            "Could not parse request body into json: half of a surrogate pair in a string"
        ) from None


def _from_query(model: Model, member: Member, given: list[str] | None) -> Any:
    if given is None:
        return None
    kind = model.shapes[member.shape]["type"]
    if kind == "list":
        return given
    return _from_text(kind, given[0], member.name)


def _from_text(kind: str, text: str, name: str) -> Any:
    if kind in ("integer", "long"):
        if not _NUMBER.fullmatch(text):  # int() takes more: spaces, underscores, others' digits
            raise _mistyped(name, kind, text)
        return int(text)
    return text.lower() == "true" if kind == "boolean" else text


def _decoded(model: Model, name: str, value: Any, path: str) -> Any:
    shape = model.shapes[name]
    kind = shape["type"]
    if kind == "blob":
        return _blob(value, path)
    wrong_bool = isinstance(value, bool) and kind != "boolean"
    if wrong_bool or not isinstance(value, _PYTHON[kind]):
        raise _mistyped(path, kind, value)
    if kind == "structure":
        members = shape.get("members", {})
        return {
            member: _decoded(model, each["shape"], value[wire], f"{path}.{member}")
            for member, each in members.items()
            if value.get(wire := each.get("locationName", member)) is not None
        }
    if kind == "list":
        inner = shape["member"]["shape"]
        return [_or_null(model, inner, each, path) for each in value]
    if kind == "map":
        inner = shape["value"]["shape"]
        return {key: _or_null(model, inner, each, f"{path}.{key}") for key, each in value.items()}
    return value


def _or_null(model: Model, name: str, value: Any, path: str) -> Any:
    """A null among others stays, to be refused by the model's constraints."""
    return None if value is None else _decoded(model, name, value, path)


def _blob(value: Any, path: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise _unreadable(f"{path} is not base64") from None


_FOUND = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE"}
_WANTED = {
    "string": "a String",
    "integer": "an Integer",
    "long": "a Long",
    "double": "a Double",
    "float": "a Float",
    "boolean": "a Boolean",
    "timestamp": "a Timestamp",
}


def _mistyped(path: str, kind: str, value: Any) -> AwsError:
    """A value of another type than `path` has, in the words of AWS's deserialiser.

    Those are quoted in public reports ("NUMBER_VALUE can not be converted to a String"); the
    member's name is added to them.
    """
    if isinstance(value, dict):
        said = "Start of structure or map found where not expected."
    elif isinstance(value, list):
        said = "Start of list found where not expected."
    elif kind not in _WANTED:
        said = "Unexpected field type"
    else:
        found = f"{str(value).upper()}_VALUE" if isinstance(value, bool) else _FOUND[type(value)]
        said = f"{found} can not be converted to {_WANTED[kind]}"
    return AwsError("SerializationException", f"{path}: {said}", 400)


def _unreadable(message: str) -> AwsError:
    return AwsError("InvalidRequestContentException", message, 400)
