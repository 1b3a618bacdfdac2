"""The Runtime API's server: one port for each sandbox, a lean skin over `runtime_api`'s tables.

A plain asyncio protocol, as its two requests are half of a warm invocation.  It knows no sandbox:
who answers what is not the runtime's, and who waits for an event's end, is told it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from .response_body import Arriving, error_of, take_head
from .runtime_api import NEXT_PATH, PREFIX, TAKEN, Delivery, Reply, Worker, WorkerState, refuse
from .runtime_wire import encode, is_next, take_request, whole_request
from .streams import Tap, truncated

_TAKEN = encode(TAKEN)  # the answer to every answer


class RuntimeConnection(asyncio.Protocol):
    """One keep-alive connection of the runtime client; requests come one after another."""

    def __init__(self, server: RuntimeServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._transport: Any = None
        self._arriving: Arriving | None = None
        self._tap: Tap | None = None  # through which the response that is arriving streams

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)
        if self._tap is not None:
            self._tap.broke_off()

    def data_received(self, data: bytes) -> None:
        between = not self._buffer and self._arriving is None
        if between and is_next(data):
            reply = self._server.worker.request("GET", NEXT_PATH, b"")
            if reply is None:
                return self._server.wait(self)
            return self.send(reply)
        try:
            if between and (request := whole_request(data)) is not None:
                return self._reply(self._answer(*request))
            self._buffer += data
            while self._arrived(self._arriving) if self._arriving else self._begun():
                pass
        except ValueError as error:
            self._end_stream(truncated(str(error)))
            self.send(refuse(400, "BadRequest", f"this is no HTTP request: {error}"))
            self._buffer.clear()
            self._transport.close()

    def _begun(self) -> bool:
        """Take the next request, or its head; False when neither is there yet."""
        request = take_request(self._buffer)
        if request is not None:
            self._reply(self._answer(*request))
            return True
        arriving = self._arriving = take_head(self._buffer)
        if arriving is not None and arriving.mode == "streaming":
            self._tap, arriving.refused = self._server.begin_stream(arriving.path)
            if self._tap is not None:
                self._tap.began(arriving.content_type, self.stop, self.go)
        elif arriving is not None and arriving.mode not in ("", "buffered"):
            kind = "InvalidFunctionResponseMode"
            arriving.refused = refuse(400, kind, "Invalid function response mode")
        return arriving is not None

    def _arrived(self, arriving: Arriving) -> bool:
        """Take what has come of the present body; False when that is not all."""
        piece = arriving.body.take(self._buffer)
        if self._tap is None:
            arriving.keep(piece)
        elif piece and not self._tap.piece(piece):
            self._end_stream(None)
            kind, told = "RequestEntityTooLarge", "Exceeded maximum allowed payload size."
            arriving.refused = refuse(413, kind, told)
        if arriving.body.bad is not None:
            raise arriving.body.bad
        if not arriving.body.done:
            return False
        self._arriving = None
        if self._tap is not None:
            self._end_stream(error_of(arriving.body.trailers))
            self.send(TAKEN)
        elif arriving.refused is not None:
            self.send(arriving.refused)
        else:
            body = bytes(arriving.kept)
            self._reply(self._answer(arriving.method, arriving.path, body, arriving.head))
        return True

    def _end_stream(self, error: bytes | None) -> None:
        """The response that streams is over, with an error or b"" for none; None was told."""
        tap, self._tap = self._tap, None
        if tap is not None:
            self._server.end_stream()
            if error is not None:
                tap.over(error)

    def stop(self) -> None:
        """Read no more: the caller is behind."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def go(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _reply(self, reply: Reply | None) -> None:
        if reply is not None:
            self.send(reply)

    def _answer(self, method: str, path: str, body: bytes, head: bytes) -> Reply | None:
        if not path.startswith(PREFIX):
            return self._server.other(self, method, path, head, body)
        reply = self._server.worker.request(method, path, body, head)
        if reply is None:
            self._server.wait(self)
        return reply

    def send(self, reply: Reply) -> None:
        self._transport.write(_TAKEN if reply is TAKEN else encode(reply))


# (connection, method, path, head, body) -> the answer, None when it comes later.
Other = Callable[["RuntimeConnection", str, str, bytes, bytes], Reply | None]


class RuntimeServer:
    """One port for one worker.

    other: answers what is not the runtime's (the Extensions, Telemetry and Logs APIs)
    gone: told of each connection that ends
    """

    def __init__(
        self, worker: Worker, other: Other, gone: Callable[[RuntimeConnection], None]
    ) -> None:
        self.worker, self.other, self._gone = worker, other, gone
        self.tap: Tap | None = None  # for responses that stream; None keeps them together
        self._waiting: RuntimeConnection | None = None
        self._server: asyncio.Server | None = None
        self.address = ""

    async def start(self) -> None:
        """Listen, if it does not yet: a sandbox whose fork server died is begun again."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: RuntimeConnection(self), "127.0.0.1", 0, backlog=32
        )
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"

    def wait(self, connection: RuntimeConnection) -> None:
        self._waiting = connection

    def forget(self, connection: RuntimeConnection) -> None:
        if self._waiting is connection:
            self._waiting = None
        self._gone(connection)

    def dispatch(self, delivery: Delivery) -> bool:
        """Give the event to the waiting worker; False when its connection is gone."""
        connection = self._waiting
        if connection is None:
            return False
        self._waiting = None
        connection.send(self.worker.dispatch(delivery))
        return True

    def begin_stream(self, path: str) -> tuple[Tap | None, Reply | None]:
        """Where a response that streams goes, or why it must not."""
        if self.tap is None:
            return None, None
        assert isinstance(self.worker, WorkerState)
        refused = self.worker.begin_stream(path)
        return (self.tap if refused is None else None), refused

    def end_stream(self) -> None:
        assert isinstance(self.worker, WorkerState)
        self.worker.end_stream()

    def restore(self) -> bool:
        """Let the worker go on that waits to be restored; False when it is gone."""
        connection = self._waiting
        if connection is None:
            return False
        self._waiting = None
        assert isinstance(self.worker, WorkerState)
        connection.send(self.worker.restore())
        return True

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
