"""The HTTP skin: bytes on a connection become a `Request`, a `Response` becomes one write.

A plain asyncio protocol over httptools, because the warm path of an invocation is two HTTP
messages long and a framework would be most of it.  It must never know what it serves: the
gateway, the Nuclio dashboard and tests hand it a handler.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import traceback
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast

import httptools


@dataclass(slots=True)
class Request:
    """One HTTP request, whole.

    target:  the request target as sent (path and query, percent-encoded)
    headers: by lower-case name; fields sent twice are joined as RFC 9110 says
    fields:  every header line as it came, for those who need the lines
    """

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    client: tuple[str, int] = ("127.0.0.1", 0)
    server: tuple[str, int] = ("127.0.0.1", 0)

    @property
    def path(self) -> str:
        """The path, still percent-encoded.

        >>> Request("GET", "/a%2Fb?c=d").path, Request("GET", "/a%2Fb?c=d").query
        ('/a%2Fb', 'c=d')
        """
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(slots=True)
class Response:
    """One HTTP response; with `chunks` the body is sent as it comes."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    chunks: AsyncIterator[bytes] | None = None


Handler = Callable[[Request], Awaitable[Response]]


async def _nobody(request: Request) -> Response:
    raise RuntimeError(f"nobody answers {request.method} {request.path} yet")


_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_BODILESS = (204, 304)


class Front:
    """One listening address, and the handler that every request goes to."""

    def __init__(self) -> None:
        self.handler: Handler = _nobody
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self.connections: set[Connection] = set()

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

    async def close(self) -> None:
        """Stop listening and drop the connections."""
        if self._server is not None:
            self._server.close()
        for each in list(self.connections):
            each.abort()
        if self._server is not None:
            await self._server.wait_closed()
        if self._socket is not None:
            self._socket.close()


class Connection(asyncio.Protocol):
    """One client: requests are answered one after the other, in order."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None
        self._client = self._server = ("127.0.0.1", 0)
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    # -- what the transport calls
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's, so this is said, not checked.
        self._transport = cast(asyncio.Transport, transport)
        self._client = (transport.get_extra_info("peername") or self._client)[:2]
        self._server = (transport.get_extra_info("sockname") or self._server)[:2]
        self._front.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        # The work goes on: a function runs to its end even when its caller has left.
        self._transport = None
        self._writable.set()
        self._front.connections.discard(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(501, "this endpoint speaks HTTP/1.1 only: no upgrade is served")
        except httptools.HttpParserError as error:
            self._refuse(400, f"not an HTTP/1.1 request: {error}")

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # -- what the parser calls
    def on_message_begin(self) -> None:
        self._url, self._fields, self._body = b"", [], []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        expects = any(name == b"expect" for name, _ in self._fields)
        if expects and self._task is None and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        request = Request(
            self._parser.get_method().decode(),
            _target(self._url.decode("latin-1")),
            _joined(self._fields),
            b"".join(self._body) if len(self._body) != 1 else self._body[0],
            self._fields,
            self._client,
            self._server,
        )
        self._waiting.append((request, self._parser.should_keep_alive()))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._answer_all())

    # -- answering
    async def _answer_all(self) -> None:
        while self._waiting:
            request, keep_alive = self._waiting.popleft()
            await self._write(await self._answer(request), request.method == "HEAD", keep_alive)
        self._task = None

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._front.handler(request)
        except Exception as error:  # the last door: shown to both sides, and serving goes on
            traceback.print_exc(file=sys.stderr)
            said = f"the emulator failed on {request.method} {request.path}: {error!r}\n"
            return Response(500, [("Content-Type", "text/plain")], said.encode())

    async def _write(self, response: Response, head: bool, keep_alive: bool) -> None:
        transport = self._transport
        if transport is None:
            return
        if response.chunks is not None:
            await self._write_chunks(response, head)
        else:
            transport.write(head_and_body(response, head, keep_alive))
        if not keep_alive:
            transport.close()
        elif not self._writable.is_set():
            await self._writable.wait()

    async def _write_chunks(self, response: Response, head: bool) -> None:
        assert response.chunks is not None
        sized = any(name.lower() == "content-length" for name, _ in response.headers)
        extra = [] if sized else [("Transfer-Encoding", "chunked")]
        self._send(_head(response.status, [*response.headers, *extra]))
        async for chunk in response.chunks:
            if chunk and not head:
                self._send(chunk if sized else b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await self._writable.wait()
        if not (sized or head):
            self._send(b"0\r\n\r\n")

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _refuse(self, status: int, sentence: str) -> None:
        if self._transport is not None:
            body = (sentence + "\n").encode()
            said = Response(status, [("Content-Type", "text/plain")], body)
            self._transport.write(head_and_body(said, False, False))
            self._transport.close()


def head_and_body(response: Response, head: bool = False, keep_alive: bool = True) -> bytes:
    """A response as the bytes of one write.

    >>> head_and_body(Response(200, [("A", "b")], b"hi"))
    b'HTTP/1.1 200 OK\\r\\nA: b\\r\\nContent-Length: 2\\r\\n\\r\\nhi'
    """
    headers = response.headers
    if not any(name.lower() == "content-length" for name, _ in headers):
        if response.status not in _BODILESS:
            headers = [*headers, ("Content-Length", str(len(response.body)))]
    if not keep_alive:
        headers = [*headers, ("Connection", "close")]
    start = _head(response.status, headers)
    return start if head or response.status in _BODILESS else start + response.body


def _head(status: int, headers: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _target(url: str) -> str:
    # A proxy's client sends the absolute form.
    if url.startswith(("http://", "https://")):
        return "/" + url.split("://", 1)[1].partition("/")[2]
    return url


def _joined(fields: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers:
            headers[name] += ("; " if name == "cookie" else ", ") + value
        else:
            headers[name] = value
    return headers
