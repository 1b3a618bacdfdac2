"""The HTTP skin: bytes on a connection become a `Request`, a `Response` becomes one write.

Its own server instead of a framework, because the warm path of an invocation is two HTTP messages
long and a framework would be most of it.  It must never know what it serves: the gateway, the
Nuclio dashboard and tests hand it a handler, and a `Gate` that judges a request by its head,
before its body is read.

What a client may do is bounded: the size of a head, of a body while it arrives, of all bodies
together, the time that either takes, requests ahead of their answers, connections.  Here is who
listens and what is borne; `connection` is one client's.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from .clock import MACHINE, Clock
from .connection import Connection
from .messages import Begin, Handler, Request, Response, large_head

_FAREWELL = 0.25  # seconds in which a connection's last request may come

__all__ = ["OPEN", "Front", "Gate", "Handler", "Limits", "Request", "Response"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one front bears.

    head:      bytes of a request line with its headers
    seconds:   in which a head must be whole; in which a body must bring `progress` more bytes
    stalled:   seconds in which a client must read some of an answer that is too large to wait
               in the socket's buffer
    ahead:     requests that a client may send before their answers
    held:      bytes of bodies that are still arriving, of all connections together
    large_head: the answer to a larger head than that many bytes
    discarded: bytes of a refused body that are read and thrown away, so that its sender can
               read the answer, before the connection is closed
    """

    head: int = 64 * 1024
    seconds: float = 30.0
    progress: int = 30 * 1024
    stalled: float = 120.0
    connections: int = 1024
    ahead: int = 32
    held: int = 1024**3
    large_head: Callable[[int], Response] = large_head
    discarded: int = 256 * 1024**2


class Gate(Protocol):
    """Who judges requests by their heads."""

    def refuses(self, request: Request) -> Response | None:
        """The answer to a request that must not be served, None for all others."""

    def limit(self, request: Request) -> int:
        """The most bytes that the request's body may have; larger ones arrive `cut`."""

    def marked(self, request: Request, response: Response) -> Response:
        """The answer to a web page of another origin, as its browser needs it."""


class Upgraded(Protocol):
    """What takes a connection over: a protocol of asyncio's that can be begun and ended."""

    def begin(self, transport: asyncio.BaseTransport, rest: bytes) -> None: ...
    def abort(self) -> None: ...


# What makes, of a request and of what to call at its end, that which takes a connection over.
Upgrade = Callable[[Request, Callable[[], None]], Any]


class _Open:
    """Everybody may come, with at most a gigabyte."""

    def refuses(self, request: Request) -> Response | None:
        return None

    def limit(self, request: Request) -> int:
        return 1024**3

    def marked(self, request: Request, response: Response) -> Response:
        return response


OPEN = _Open()


async def _nobody(request: Request) -> Response:
    raise RuntimeError(f"nobody answers {request.method} {request.path} yet")


class Front:
    """One listening address, and the handler that every request goes to.

    body: the most bytes of any request's body; 0 leaves that to the gate
    """

    def __init__(
        self,
        gate: Gate = OPEN,
        clock: Clock = MACHINE,
        limits: Limits | None = None,
        body: int = 0,
    ) -> None:
        self.handler: Handler = _nobody
        # Asked before the handler: it answers by a callback, without a task, or says False.
        self.begin: Begin | None = None
        self.gate, self.clock, self.limits = gate, clock, limits or Limits()
        self.body = body
        self.held = 0
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self.connections: dict[Connection, None] = {}  # the oldest first
        self.ending = False  # each answer is its connection's last
        self._emptied: asyncio.Event | None = None  # set when no connection is left
        self.websocket: Upgrade | None = None
        self._upgraded: set[Upgraded] = set()

    def bind(self, host: str, port: int) -> int:
        """Take the address; returns the port (a free one for 0).  Raises OSError when taken."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=1024)
        found: int = self._socket.getsockname()[1]
        return found

    async def serve(self, handler: Handler) -> None:
        """Answer requests from now on."""
        assert self._socket is not None, "bind comes first"
        self.handler = handler
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), sock=self._socket)

    def admit(self, connection: Connection) -> bool:
        """Whether there is room for one more: who has been idle for longest makes it."""
        self.connections[connection] = None
        if len(self.connections) <= self.limits.connections:
            return True
        idle = next((each for each in self.connections if each.idle), None)
        if idle is not None and idle is not connection:
            idle.abort()
            return True
        return False

    def upgrade(self, request: Request, transport: asyncio.Transport, rest: bytes) -> None:
        """Hand a connection over to what speaks WebSocket on it from now on."""
        assert self.websocket is not None, "upgrades are refused"
        taken = self.websocket(request, lambda: self._upgraded.discard(taken))
        self._upgraded.add(taken)
        transport.set_protocol(taken)
        taken.begin(transport, rest)

    def left(self, connection: Connection) -> None:
        """A connection is no more."""
        self.connections.pop(connection, None)
        if self._emptied is not None and not self.connections:
            self._emptied.set()

    def retire(self) -> None:
        """Take no more connections; each answer is the last of its connection."""
        self.ending = True
        if self._server is not None:
            self._server.close()

    async def drain(self, seconds: float) -> int:
        """Take no more connections, and answer what has come on those that there are, within
        `seconds`: how many requests were not answered by then.

        Each answer says that it is its connection's last.  Connections with nothing under way are
        closed after `_FAREWELL`, as who sends one request after the other is about to send one.
        """
        self.ending, self._emptied = True, asyncio.Event()
        for _ in range(2):  # who has connected, and what was sent, is seen by the loop first
            await self.clock.sleep(0)
        if self._server is not None:
            self._server.close()
        until = self.clock.time() + seconds
        await self._empty(min(_FAREWELL, seconds))
        for each in list(self.connections):
            each.leave_when_idle()
        await self._empty(until - self.clock.time())
        return sum(not each.idle for each in self.connections)

    async def _empty(self, seconds: float) -> None:
        """Until no connection is left, for so long at the most."""
        assert self._emptied is not None
        if self.connections:
            timer = self.clock.call_later(seconds, self._emptied.set)
            await self._emptied.wait()
            timer.cancel()
            self._emptied.clear()

    async def close(self) -> None:
        """Stop listening and drop the connections."""
        if self._server is not None:
            self._server.close()
        for each in list(self.connections):
            each.abort()
        for taken in list(self._upgraded):
            taken.abort()
        if self._server is not None:
            await self._server.wait_closed()
        if self._socket is not None:
            self._socket.close()
