"""A generator's items as a response that goes out while they come: Server-Sent Events or lines.

The generator goes on only when what it gave is sent, and is closed when the client stops reading.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from .asgi_gone import either
from .loop_workers import Workers

Send = Callable[[dict[str, Any]], Awaitable[None]]
Form = Callable[[Any], bytes]

_END = object()


def form_for(accept: str) -> tuple[str, Form]:
    """(content type, how an item is written) for what a client accepts; events where it says
    neither of the others.

    >>> form_for("*/*")[1]({"n": 1})
    b'data: {"n": 1}\\n\\n'
    >>> form_for("application/x-ndjson")[1]({"n": 1})
    b'{"n": 1}\\n'
    """
    wanted = [each.partition(";")[0].strip() for each in accept.lower().split(",")]
    for kind, form in _FORMS.items():
        if kind in wanted:
            return kind, form
    return "text/event-stream", _event


def _event(item: Any) -> bytes:
    text = item if isinstance(item, str) else json.dumps(item)
    return "".join(f"data: {line}\n" for line in text.split("\n")).encode() + b"\n"


def _line(item: Any) -> bytes:
    return json.dumps(item).encode() + b"\n"


def _text(item: Any) -> bytes:
    return item.encode() if isinstance(item, str) else _line(item)


_FORMS: dict[str, Form] = {
    "text/event-stream": _event,
    "application/x-ndjson": _line,
    "text/plain": _text,
}


class Items:
    """An iterator, sync or async, as items to wait for; `close` ends it wherever it is."""

    def __init__(self, source: Any, encode: Callable[[Any], Any], workers: Workers) -> None:
        self._waits = hasattr(source, "__aiter__")
        self._source = aiter(source) if self._waits else iter(source)
        self._encode, self._workers = encode, workers
        self._on_a_thread: asyncio.Future[Any] | None = None

    async def next(self) -> Any:
        """The next item, encoded; `_END` after the last."""
        if self._waits:
            try:
                return self._encode(await anext(self._source))
            except StopAsyncIteration:
                return _END
        # A thread cannot be interrupted: who is cancelled here leaves it to `close`.
        self._on_a_thread = asyncio.ensure_future(self._workers.call(self._step))
        return await asyncio.shield(self._on_a_thread)

    def _step(self) -> Any:
        try:
            return self._encode(next(self._source))
        except StopIteration:
            return _END

    async def close(self) -> None:
        """Run the generator's `finally`, after the item that is under way."""
        if self._on_a_thread is not None:
            await asyncio.wait({self._on_a_thread})
            self._on_a_thread.exception()  # seen by who waited for it, or by nobody any more
        if self._waits and hasattr(self._source, "aclose"):
            await self._source.aclose()
        elif not self._waits and hasattr(self._source, "close"):
            await self._workers.call(self._source.close)


async def stream(items: Items, accept: str, send: Send, gone: asyncio.Future[None]) -> None:
    """Send the items.  What goes wrong before the first is raised, as no answer has begun.

    An error after that is the last event (`error`) or line, and the response is left without its
    end, so that nobody takes it for whole.
    """
    kind, form = form_for(accept)
    try:
        item = await either(items.next(), gone, on_gone=asyncio.Task.cancel)
        if gone.done():
            return
        head = [(b"content-type", kind.encode()), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        while item is not _END and not gone.done():
            await send({"type": "http.response.body", "body": form(item), "more_body": True})
            try:
                item = await either(items.next(), gone, on_gone=asyncio.Task.cancel)
            except Exception as error:
                await _say(error, kind, send)
                return
        if not gone.done():
            await send({"type": "http.response.body", "body": b""})
    finally:
        await _closed(items)


async def _closed(items: Items) -> None:
    """End the generator; what its `finally` raises comes after the answer, and is only printed."""
    try:
        await items.close()
    except Exception as error:
        traceback.print_exception(error)


async def _say(error: Exception, kind: str, send: Send) -> None:
    traceback.print_exception(error)
    text = json.dumps({"error": f"{type(error).__name__}: {error}"})
    said = f"event: error\ndata: {text}\n\n" if kind == "text/event-stream" else f"{text}\n"
    await send({"type": "http.response.body", "body": said.encode(), "more_body": True})
