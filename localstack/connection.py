"""One client's connection: bytes become requests, judged by their heads before bodies are read.

A plain asyncio protocol over httptools.  It is the half that reads; the other, which answers in
turn, is `answers`.  What is ambiguous (a length said twice, or beside chunks) is no request: RFC
9112, section 6.3; the parser is llhttp in its strict mode.  Which handler answers, and what the
gate's reasons are, it never knows.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import httptools

from .answers import Answers
from .clock import Timer
from .messages import Request, Response, joined, plain, target_of

if TYPE_CHECKING:
    from .front import Front

# Bodies too small for any limit: in bytes, and as the most digits of their length.
_SMALL, _FEW = 1_000_000, 6


class Connection(Answers):
    """One client: what it sends becomes requests, which are judged and handed on in order."""

    def __init__(self, front: Front) -> None:
        super().__init__(front)
        self._parser = httptools.HttpRequestParser(self)
        self._client = self._server = ("127.0.0.1", 0)
        # The message that is arriving.
        self._partial = self._fresh = self._large = self._old = False
        self._request: Request | None = None
        self._upgrading: Request | None = None
        self._refused: Response | None = None
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._spelt: list[bytes] = []
        self._body: list[bytes] = []
        self._size = self._limit = self._arrived = self._seen = self._held = 0
        self._timer: Timer | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is being asked and nothing answered."""
        return not self._busy and not self._partial

    def leave_when_idle(self) -> None:
        if self.idle and self._transport is not None:
            self._transport.close()

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
        self._front.left(self)

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
        return self._busy

    # -- what the parser calls
    def on_message_begin(self) -> None:
        self._url, self._fields, self._spelt, self._body = b"", [], [], []
        self._request = self._refused = None
        self._size = self._arrived = self._seen = 0
        self._partial = self._fresh = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))
        self._spelt.append(name)

    def on_headers_complete(self) -> None:
        target, headers = self._url.decode("latin-1"), joined(self._fields)
        if not target.startswith("/"):
            target, host = target_of(target)
            if host:
                headers["host"] = host
                fields = [each for each in self._fields if each[0] != b"host"]
                self._spelt = [each for each in self._spelt if each.lower() != b"host"] + [b"Host"]
                self._fields = [*fields, (b"host", host.encode("latin-1"))]
        method = self._parser.get_method().decode()
        request = Request(method, target, headers, b"", self._fields, self._client, self._server)
        request.spelt = self._spelt
        self._request = request
        gate = self._front.gate
        if (
            "connection" not in headers
            and self._parser.should_keep_alive()  # so it is HTTP/1.1, as nothing else was said
            and "," not in headers.get("host", ",")
            and "transfer-encoding" not in headers
            and self._fresh  # its head came in one piece
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
        if (self._large or not self._fresh) and self._head_size() > self._limits.head:
            return self._limits.large_head(self._limits.head)
        if "transfer-encoding" in headers:
            return self._unsound_coding(headers["transfer-encoding"])
        return None

    def _head_size(self) -> int:
        return sum(len(name) + len(value) + 4 for name, value in self._fields)

    def _upgrades(self, headers: dict[str, str]) -> bool:
        """Whether this becomes a WebSocket: asked for, served here, and nothing is due before."""
        wanted = self._parser.should_upgrade() and headers.get("upgrade", "").lower() == "websocket"
        return wanted and self._front.websocket is not None and not self._busy

    def _hand_over(self, data: bytes) -> None:
        request, transport = self._upgrading, self._transport
        if request is None or transport is None:
            return
        self._message_over()
        self._transport = None
        self._front.left(self)
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
        elif self._busy:
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
            self._end_with(self._limits.large_head(self._limits.head))
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
        self._end_with(plain(status, sentence))

    def _end_with(self, response: Response) -> None:
        """The last answer on this connection, after those that are due before it."""
        if self._ended:
            return
        self._ended = self._lingers = True
        self._message_over()
        request = self._request or Request("GET", "/")
        self._answer_in_turn((request, False, response, self._old))
