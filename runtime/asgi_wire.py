"""Requests and answers as ASGI has them: a scope as an `Event`, its body, a `Result` sent."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from ..handlers.errors import PeltonError
from ..handlers.event import Event, Result
from .asgi_gone import Receive
from .asgi_stream import Send

Scope = Mapping[str, Any]


class Refused(PeltonError):
    """A request that is none of a function's: its `status` says why."""

    def __init__(self, what: str, status: int) -> None:
        self.status = status  # type: ignore[misc]
        super().__init__(what)


def event_of(scope: Scope) -> Event:
    from urllib.parse import parse_qsl

    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return Event(
        id=headers.get("x-request-id") or str(uuid.uuid4()),
        trigger="http",
        headers=headers,
        method=scope["method"],
        path=scope["path"],
        fields=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
        content_type=headers.get("content-type", ""),
        raw=scope,
    )


async def read_body(event: Event, receive: Receive, most: int) -> bytes:
    """The whole body.  Raises `Refused` (413) for one that is, or says that it is, too large."""
    said = event.headers.get("content-length", "0")
    pieces, size = [], int(said) if said.isdigit() else 0
    if size > most:
        raise Refused(f"the body has {size} bytes, {most} are taken", 413)
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused("the request ended before its body", 400)
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > most:
            raise Refused(f"the body has more than the {most} bytes that are taken", 413)
        if not message.get("more_body"):
            return b"".join(pieces)


async def send_result(send: Send, result: Result, method: str) -> None:
    body, kind = wire(result)
    headers = {"content-type": kind} | dict(result.headers) | {"content-length": str(len(body))}
    pairs = [(name.lower().encode(), str(value).encode()) for name, value in headers.items()]
    pairs += [(b"set-cookie", each.encode()) for each in result.cookies]
    await send({"type": "http.response.start", "status": result.status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def wire(result: Result) -> tuple[bytes, str]:
    body = result.body
    if isinstance(body, bytes):
        return body, result.content_type or "application/octet-stream"
    if isinstance(body, str):
        return body.encode(), result.content_type or "text/plain; charset=utf-8"
    return json.dumps(body).encode(), result.content_type or "application/json"
