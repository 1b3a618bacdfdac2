"""HTTP messages as the emulator's parts hand them to one another, and how an answer is written.

No socket is here, and nothing of what is asked or answered.
"""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(slots=True)
class Request:
    """One HTTP request, whole.

    target:  the request target as sent (path and query, percent-encoded)
    headers: by lower-case name; fields sent twice are joined as RFC 9110 says
    fields:  every header line as it came, by lower-case name, for those who need the lines
    spelt:   the names of those lines as their sender wrote them, where that is known
    cut:     the body was larger than its receiver takes: it was read and thrown away
    """

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    client: tuple[str, int] = ("127.0.0.1", 0)
    server: tuple[str, int] = ("127.0.0.1", 0)
    cut: bool = False
    spelt: list[bytes] = field(default_factory=list)

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


class BrokenOff(Exception):
    """A response whose body ends before its time: its client sees a connection that breaks."""


Handler = Callable[[Request], Awaitable[Response]]
# Whether the request is taken; the response is then given to the callback, once, on the loop.
Begin = Callable[[Request, Callable[[Response], None]], bool]

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_BODILESS = (204, 304)


def plain(status: int, sentence: str) -> Response:
    """An answer that is one sentence for people."""
    return Response(status, [("Content-Type", "text/plain")], f"{sentence}\n".encode())


def large_head(most: int) -> Response:
    """The answer to headers of more bytes than that."""
    return plain(431, f"headers have at most {most} bytes")


def broken(request: Request, error: BaseException) -> Response:
    """The answer where something of ours failed, which is shown to both sides.  For a handler of
    that error alone (`except`)."""
    traceback.print_exception(error)
    return plain(500, f"the emulator failed on {request.method} {request.path}: {error!r}")


def head_and_body(response: Response, head: bool = False, keep_alive: bool = True) -> bytes:
    """A response as the bytes of one write.

    >>> head_and_body(Response(200, [("A", "b")], b"hi"))
    b'HTTP/1.1 200 OK\\r\\nA: b\\r\\nContent-Length: 2\\r\\n\\r\\nhi'
    """
    headers = response.headers
    if not any([name.lower() == "content-length" for name, _ in headers]):
        if response.status not in _BODILESS:
            headers = [*headers, ("Content-Length", str(len(response.body)))]
    if not keep_alive:
        headers = [*headers, ("Connection", "close")]
    start = head_of(response.status, headers)
    return start if head or response.status in _BODILESS else start + response.body


def head_of(status: int, headers: list[tuple[str, str]]) -> bytes:
    """Status line and headers; a line break inside a header never begins a line of its own.

    >>> head_of(200, [("a", "b\\r\\nc: d")])
    b'HTTP/1.1 200 OK\\r\\na: b  c: d\\r\\n\\r\\n'
    """
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    text = "\r\n".join(lines)
    if text.count("\n") != len(headers) or text.count("\r") != len(headers):
        text = "\r\n".join(line.replace("\r", " ").replace("\n", " ") for line in lines)
    return (text + "\r\n\r\n").encode("latin-1", "replace")


def target_of(url: str) -> tuple[str, str]:
    """(target, host) of a request line; a proxy's client sends the absolute form.

    >>> target_of("/a?b"), target_of("http://h:1/a?b"), target_of("http://h?b")
    (('/a?b', ''), ('/a?b', 'h:1'), ('/?b', 'h'))
    """
    if not url.startswith(("http://", "https://")):
        return url, ""
    rest = url.split("://", 1)[1]
    end = min(found for each in "/?#" if (found := (rest + "/").find(each)) >= 0)
    host, target = rest[:end], rest[end:]
    return (target if target.startswith("/") else f"/{target}"), host


def joined(fields: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header lines by name; lines of one name are one value."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers:
            headers[name] += ("; " if name == "cookie" else ", ") + value
        else:
            headers[name] = value
    return headers
