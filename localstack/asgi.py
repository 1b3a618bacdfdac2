"""Serve an ASGI application behind the front: one request, whole, into one response.

A body that the application sends in one piece becomes one write; one sent in pieces is
streamed.  It knows ASGI and nothing of the applications.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from .front import Request, Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

# Pieces of a streamed body that may wait for a slow reader.
_PIECES = 16


async def serve(application: Application, request: Request) -> Response:
    """Let `application` answer `request`.  Raises what it raises before its answer began."""
    exchange = _Exchange(request)
    task = asyncio.create_task(exchange.run(application))
    start = await exchange.messages.get()
    if start is None:
        await task
        raise RuntimeError(f"no answer to {request.method} {request.path}")
    first = await exchange.messages.get()
    headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in start["headers"]]
    status = int(start["status"])
    if first is None or not first.get("more_body"):
        await task
        return Response(status, headers, b"" if first is None else first.get("body", b""))
    return Response(status, headers, chunks=exchange.pieces(first, task))


async def lifespan(application: Application) -> Callable[[], Awaitable[None]]:
    """Start `application`; returns what stops it again.  Raises RuntimeError when it refuses."""
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
    task = asyncio.ensure_future(application(scope, inbox.get, outbox.put))

    async def tell(what: str) -> None:
        await inbox.put({"type": f"lifespan.{what}"})
        answer = asyncio.ensure_future(outbox.get())
        await asyncio.wait({answer, task}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            await task
            raise RuntimeError(f"no answer to lifespan.{what}")
        if answer.result()["type"] != f"lifespan.{what}.complete":
            raise RuntimeError(str(answer.result().get("message", answer.result()["type"])))

    async def stop() -> None:
        await tell("shutdown")
        await task

    await tell("startup")
    return stop


class _Exchange:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._unread = True
        self.messages: asyncio.Queue[Message | None] = asyncio.Queue(_PIECES)

    async def run(self, application: Application) -> None:
        try:
            await application(scope_of(self._request), self._receive, self.messages.put)
        finally:
            await self.messages.put(None)

    async def _receive(self) -> Message:
        if self._unread:
            self._unread = False
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        await asyncio.Event().wait()  # buffered whole: there is no disconnect to tell of
        raise AssertionError

    async def pieces(self, first: Message, task: asyncio.Task[None]) -> AsyncIterator[bytes]:
        message: Message | None = first
        while message is not None:
            yield message.get("body", b"")
            message = await self.messages.get()
        await task


def scope_of(request: Request) -> Message:
    """The scope of a request; a WebSocket's says so in `type` and `scheme`."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.path),
        "raw_path": request.path.encode("latin-1"),
        "root_path": "",
        "query_string": request.query.encode("latin-1"),
        "headers": request.fields,
        "client": request.client,
        "server": request.server,
    }
