"""Bodies as they arrive on the Runtime API: of a known length, or in chunks with trailers.

No socket is here.  A body takes what is its own off a buffer and leaves the rest.  Source: RFC
9112, sections 6 and 7.
"""

from __future__ import annotations

from typing import Protocol

# Bytes of a size line or a trailer: an error body is one, in base64.
_LINE = 2 * 1024 * 1024


class BadBody(ValueError):
    """The bytes are no body of this kind; the connection is of no more use."""


class Body(Protocol):
    """One body: `take` gives what has come of it, `done` says whether that was all, `bad` that what
    follows is no body."""

    done: bool
    bad: BadBody | None
    trailers: dict[str, str]

    def take(self, buffer: bytearray) -> bytes: ...


class SizedBody:
    """A body of `size` bytes."""

    def __init__(self, size: int) -> None:
        self.done, self._left = size == 0, size
        self.bad: BadBody | None = None
        self.trailers: dict[str, str] = {}

    def take(self, buffer: bytearray) -> bytes:
        piece = bytes(buffer[: self._left])
        del buffer[: self._left]
        self._left -= len(piece)
        self.done = self._left == 0
        return piece


class ChunkedBody:
    """A body in chunks.

    >>> body, buffer = ChunkedBody(), bytearray(b"3\\r\\nabc\\r\\n0\\r\\nT: u\\r\\n\\r\\nGET")
    >>> body.take(buffer), body.done, body.trailers, bytes(buffer)
    (b'abc', True, {'t': 'u'}, b'GET')
    """

    def __init__(self) -> None:
        self.done = False
        self.bad: BadBody | None = None
        self.trailers: dict[str, str] = {}
        self._left = 0  # bytes of the chunk that is under way
        self._state = "size"  # size, data, after (a chunk), trailers

    def take(self, buffer: bytearray) -> bytes:
        found = bytearray()
        while not (self.done or self.bad):
            if self._state == "data":
                found += buffer[: self._left]
                size = min(self._left, len(buffer))
                del buffer[:size]
                self._left -= size
                if self._left:
                    break
                self._state = "after"
            try:
                line = _line(buffer)
                if line is None:
                    break
                self._read(line)
            except BadBody as error:
                self.bad = error
        return bytes(found)

    def _read(self, line: bytes) -> None:
        if self._state == "after":
            if line:
                raise BadBody("a chunk is longer than it says")
            self._state = "size"
        elif self._state == "size":
            self._left = _size(line)
            self._state = "data" if self._left else "trailers"
        elif line:
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()
        else:
            self.done = True


def _line(buffer: bytearray) -> bytes | None:
    end = buffer.find(b"\r\n")
    if end < 0:
        if len(buffer) > _LINE:
            raise BadBody("a line has no end")
        return None
    line = bytes(buffer[:end])
    del buffer[: end + 2]
    return line


def _size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    try:
        if not digits or digits[:1] in b"+-_":
            raise ValueError
        return int(digits, 16)
    except ValueError:
        raise BadBody(f"{digits[:20]!r} is no chunk size") from None
