"""The HTTP skin: bytes on a connection become a `Request`, a `Response` becomes one write.

A plain asyncio protocol over httptools, because the warm path of an invocation is two HTTP
messages long and a framework would be most of it.  It must never know what it serves: the
gateway, the Nuclio dashboard and tests hand it a handler, and a `Gate` that judges a request by
its head, before its body is read.

What a client may do is bounded: the size of a head, of a body while it arrives, of all bodies
together, the time that either takes, requests ahead of their answers, connections.  What is
ambiguous (a length said twice, or beside chunks) is no request: RFC 9112, section 6.3; the
parser is llhttp in its strict mode.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import httptools

from .clock import MACHINE, Clock, Timer
from .messages import (
    BrokenOff,
    Handler,
    Request,
    Response,
    head_and_body,
    head_of,
    joined,
    plain,
    target_of,
)

__all__ = ["OPEN", "Connection", "Front", "Gate", "Handler", "Limits", "Request", "Response"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one front bears.

    head:      bytes of a request line with its headers
    seconds:   in which a head must be whole; in which a body must bring `progress` more bytes
    stalled:   seconds in which a client must read some of an answer that is too large to wait
               in the socket's buffer
    ahead:     requests that a client may send before their answers
    held:      bytes of bodies that are still arriving, of all connections together
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
    discarded: int = 256 * 1024**2


class Gate(Protocol):
    """Who judges requests by their heads."""

    def refuses(self, request: Request) -> Response | None:
        """The answer to a request that must not be served, None for all others."""

    def limit(self, request: Request) -> int:
        """The most bytes that the request's body may have; larger ones arrive `cut`."""

    def marked(self, request: Request, response: Response) -> Response:
        """The answer to a web page of another origin, as its browser needs it."""


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
        self.gate, self.clock, self.limits = gate, clock, limits or Limits()
        self.body = body
        self.held = 0
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self.connections: dict[Connection, None] = {}  # the oldest first
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


class Upgraded(Protocol):
    """What takes a connection over: a protocol of asyncio's that can be begun and ended."""

    def begin(self, transport: asyncio.BaseTransport, rest: bytes) -> None: ...
    def abort(self) -> None: ...


# A request that waits for its turn, whether the connection lives on after it, its answer when it
# is not to be served, and whether its client speaks HTTP/1.0, which has no chunks.
_Turn = tuple[Request, bool, Response | None, bool]
# Bodies too small for any limit: in bytes, and as the most digits of their length.
_SMALL, _FEW = 1_000_000, 6
_LINGER = 2.0  # seconds in which a refused client may read why


class Connection(asyncio.Protocol):
    """One client: requests are answered one after the other, in order."""

    def __init__(self, front: Front) -> None:
        self._front, self._limits = front, front.limits
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[_Turn] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None
        self._client = self._server = ("127.0.0.1", 0)
        self._ended = False  # nothing more is read
        self._paused = False  # its client is too far ahead
        self._lingers = False  # its client may still be sending when it is closed
        # The message that is arriving.
        self._partial = self._fresh = self._large = self._old = self._continues = False
        self._request: Request | None = None
        self._upgrading: Request | None = None
        self._refused: Response | None = None
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = self._limit = self._arrived = self._seen = self._held = 0
        self._timer: Timer | None = None  # for the message that is arriving
        self._reading: Timer | None = None  # for the answer that its client does not read

    @property
    def idle(self) -> bool:
        """Whether nothing is being asked and nothing answered."""
        return self._task is None and not self._partial

    # -- what the transport calls
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's, so this is said, not checked.
        self._transport = cast(asyncio.Transport, transport)
        self._client = (transport.get_extra_info("peername") or self._client)[:2]
        self._server = (transport.get_extra_info("sockname") or self._server)[:2]
        if not self._front.admit(self):
            self._refuse(503, "too many connections: all are busy")

    def connection_lost(self, exc: Exception | None) -> None:
        # The work goes on: a function runs to its end even when its caller has left.
        self._transport = None
        self._ended = True
        self.resume_writing()
        self._message_over()
        self._front.connections.pop(self, None)

    def pause_writing(self) -> None:
        self._writable.clear()
        self._reading = self._front.clock.call_later(self._limits.stalled, self.abort)

    def resume_writing(self) -> None:
        self._writable.set()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        self._large = len(data) > self._limits.head
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._ended = True  # what follows is no HTTP/1.1
            self._hand_over(data)
        except httptools.HttpParserError as error:
            self._refuse(400, f"not an HTTP/1.1 request: {error}")
        if self._partial:
            self._still_arriving(len(data))

    def eof_received(self) -> bool:
        """The client sends no more; what it has asked for is still answered."""
        if self._partial:
            self._refuse(400, "the request ended before its headers and body were whole")
        self._ended = True
        return self._task is not None

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # -- what the parser calls
    def on_message_begin(self) -> None:
        self._url, self._fields, self._body = b"", [], []
        self._request = self._refused = None
        self._size = self._arrived = self._seen = 0
        self._partial = self._fresh = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        target, headers = self._url.decode("latin-1"), joined(self._fields)
        if not target.startswith("/"):
            target, host = target_of(target)
            if host:
                headers["host"] = host
                fields = [each for each in self._fields if each[0] != b"host"]
                self._fields = [*fields, (b"host", host.encode("latin-1"))]
        method = self._parser.get_method().decode()
        request = Request(method, target, headers, b"", self._fields, self._client, self._server)
        self._request = request
        gate = self._front.gate
        if (
            "connection" not in headers
            and self._parser.should_keep_alive()  # so it is HTTP/1.1, as nothing else was said
            and "," not in headers.get("host", ",")
            and "transfer-encoding" not in headers
            and not self._large
            and method != "CONNECT"
        ):
            self._old = False
            self._refused = gate.refuses(request)
        else:
            self._refused = self._unsound(headers) or gate.refuses(request)
        length = headers.get("content-length", "")
        if len(length) <= _FEW and "transfer-encoding" not in headers:
            self._limit = _SMALL
        else:
            self._limit = self._front.body or gate.limit(request)
            request.cut = bool(length) and int(length) > self._limit
        if "expect" in headers:
            self._expected(request, headers["expect"].lower())

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        request = self._request
        if request is None or self._ended:
            return
        if self._size > self._limit or self._refused is not None:
            request.cut = True
        if request.cut:
            self._body = []
            if self._size > self._limit + self._limits.discarded:
                self._refuse(413, "the body is too large, and so is what was read of it")
            return
        self._body.append(body)
        if len(self._body) > 1:
            self._hold(len(body))

    def on_message_complete(self) -> None:
        request, body = self._request, self._body
        if request is None or self._ended:
            return
        if body:
            request.body = body[0] if len(body) == 1 else b"".join(body)
        if self._timer is None:
            self._partial = False
        else:
            self._message_over()
        if self._refused is None and self._upgrades(request.headers):
            self._upgrading = request
            return
        keep_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        self._answer_in_turn((request, keep_alive, self._refused, self._old))
        self._ended = not keep_alive

    # -- judging
    def _unsound(self, headers: dict[str, str]) -> Response | None:
        """The answer to what the parser lets through and this server does not."""
        version = self._parser.get_http_version()
        self._old = version == "1.0"
        if version != "1.1" and not self._old:
            return plain(505, f"this endpoint speaks HTTP/1.1, not HTTP/{version}")
        if "host" not in headers and not self._old:
            return plain(400, "an HTTP/1.1 request names its Host")
        if sum(name == b"host" for name, _ in self._fields) > 1:
            return plain(400, "a request names one Host")
        if self._parser.should_upgrade() and headers.get("upgrade", "").lower() != "h2c":
            if not self._upgrades(headers):
                return plain(501, "this endpoint speaks HTTP/1.1 only: no upgrade is served")
        if self._large and sum(len(n) + len(v) + 4 for n, v in self._fields) > self._limits.head:
            return plain(431, f"headers have at most {self._limits.head} bytes")
        if "transfer-encoding" in headers:
            return self._unsound_coding(headers["transfer-encoding"])
        return None

    def _upgrades(self, headers: dict[str, str]) -> bool:
        """Whether this becomes a WebSocket: asked for, served here, and nothing is due before."""
        wanted = self._parser.should_upgrade() and headers.get("upgrade", "").lower() == "websocket"
        return wanted and self._front.websocket is not None and self._task is None

    def _hand_over(self, data: bytes) -> None:
        request, transport = self._upgrading, self._transport
        if request is None or transport is None:
            return
        self._message_over()
        self._transport = None
        self._front.connections.pop(self, None)
        # A client that speaks before it was let in is out of turn: all behind the head is its.
        self._front.upgrade(request, transport, data.partition(b"\r\n\r\n")[2])

    def _unsound_coding(self, coding: str) -> Response | None:
        if self._old:
            return plain(400, "HTTP/1.0 has no Transfer-Encoding")
        if coding.strip().lower() != "chunked":
            return plain(501, "the one Transfer-Encoding that is served is chunked")
        return None

    def _expected(self, request: Request, what: str) -> None:
        """Say 100 Continue, or at once why not: then the body need not come."""
        if what != "100-continue":
            self._refused = self._refused or plain(417, "the one expectation is 100-continue")
        if self._refused is not None or request.cut:
            self._message_over()
            self._answer_in_turn((request, False, self._refused, self._old))
            self._ended = self._lingers = True
        elif self._task is not None:
            self._continues = True
        else:
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hold(self, size: int) -> None:
        """Count bytes of a body that comes in pieces; when all together are too many, refuse."""
        self._held += size
        self._front.held += size
        if self._front.held > self._limits.held:
            self._refuse(503, "too many large bodies at once: try again")

    def _still_arriving(self, size: int) -> None:
        if self._fresh:  # what came before it in this piece was another request's
            self._fresh = False
        else:
            self._arrived += size
        if self._request is None and self._arrived > self._limits.head:
            self._refuse(431, f"headers have at most {self._limits.head} bytes")
        elif self._timer is None:
            self._timer = self._front.clock.call_later(self._limits.seconds, self._overdue)

    def _overdue(self) -> None:
        self._timer = None
        if self._request is None or self._size - self._seen < self._limits.progress:
            self._refuse(408, "the request did not arrive in time")
            return
        self._seen = self._size
        self._timer = self._front.clock.call_later(self._limits.seconds, self._overdue)

    def _message_over(self) -> None:
        self._partial = self._continues = False
        self._body = []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held:
            self._front.held -= self._held
            self._held = 0

    def _refuse(self, status: int, sentence: str) -> None:
        """The last answer on this connection, after those that are due before it."""
        if self._ended:
            return
        self._ended = self._lingers = True
        self._message_over()
        request = self._request or Request("GET", "/")
        self._answer_in_turn((request, False, plain(status, sentence), self._old))

    # -- answering
    def _answer_in_turn(self, turn: _Turn) -> None:
        self._waiting.append(turn)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._answer_all())
        elif len(self._waiting) > self._limits.ahead and not self._paused:
            self._paused = True
            if self._transport is not None:
                self._transport.pause_reading()

    async def _answer_all(self) -> None:
        while self._waiting:
            request, keep_alive, refused, old = self._waiting.popleft()
            response = refused or await self._answer(request)
            if "origin" in request.headers:
                response = self._front.gate.marked(request, response)
            await self._write(response, request.method == "HEAD", keep_alive, old)
            if self._paused and not self._waiting and self._transport is not None:
                self._paused = False
                self._transport.resume_reading()
        self._task = None
        if self._continues:
            self._continues = False
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._ended:
            self._leave()

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._front.handler(request)
        except Exception as error:  # the last door: shown to both sides, and serving goes on
            traceback.print_exc(file=sys.stderr)
            return plain(500, f"the emulator failed on {request.method} {request.path}: {error!r}")

    async def _write(self, response: Response, head: bool, keep_alive: bool, old: bool) -> None:
        transport = self._transport
        if response.chunks is not None:
            await self._write_chunks(response, head, keep_alive and not old, old)
        elif transport is not None:
            transport.write(head_and_body(response, head, keep_alive))
            if keep_alive and not self._writable.is_set():
                await self._writable.wait()

    async def _write_chunks(
        self, response: Response, head: bool, keep_alive: bool, old: bool
    ) -> None:
        """Send the pieces as they come; when they break off, so does the connection."""
        assert response.chunks is not None
        sized = any(name.lower() == "content-length" for name, _ in response.headers)
        chunked = not (sized or old)
        extra = [("Transfer-Encoding", "chunked")] if chunked else []
        extra += [] if keep_alive else [("Connection", "close")]
        self._ended = self._ended or not keep_alive
        self._send(head_of(response.status, [*response.headers, *extra]))
        try:
            async for chunk in response.chunks:
                if chunk and not head:
                    self._send(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
                    await self._writable.wait()
        except BrokenOff:
            self.abort()
            return
        except Exception:  # the status is sent: a broken connection is what can still be said
            traceback.print_exc(file=sys.stderr)
            self.abort()
            return
        if chunked and not head:
            self._send(b"0\r\n\r\n")

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _leave(self) -> None:
        """Close; but who may still be sending is given time to read why."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._lingers and transport.can_write_eof():
            transport.write_eof()
            self._front.clock.call_later(_LINGER, self.abort)
        else:
            transport.close()
