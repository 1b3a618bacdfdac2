"""Answers that a worker sends piece by piece, from its line to the client.

`c` begins one (a whole response, whose body is the first piece), `b` is a further piece in base64,
`e` ends it.  Nuclio's own wrapper sends no `e` after a single piece, but its measurement (`m`)
comes behind every stream, and is taken for the end then.  Source: Nuclio's public wrapper
(`wrapper_common.py`) and its page "Streaming HTTP Responses".
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable

from ..messages import BrokenOff

MOST = 1 << 20  # bytes that wait for a slow client before no more are read from the worker


class Stream:
    """The pieces behind the first.  Who puts them never waits; one reader, or none.

    pause, resume: called when too much waits for the reader, and when it does no more
    """

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause, self._resume, self._paused = pause, resume, False
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._more = asyncio.Event()
        self._ended, self._broken, self._unwanted = False, False, False

    @property
    def waiting(self) -> int:
        """Bytes that nobody has read yet."""
        return self._size

    def put(self, line: bytes) -> None:
        """A piece as the worker's line has it.  Raises ValueError for what is no base64."""
        piece = base64.b64decode(line, validate=True)
        if self._unwanted or not piece:
            return
        self._pieces.append(piece)
        self._size += len(piece)
        self._more.set()
        if self._size > MOST and not self._paused:
            self._paused = True
            with contextlib.suppress(RuntimeError):
                self._pause()

    def end(self, *, broken: bool = False) -> None:
        """No piece comes any more; `broken`: there should have been more."""
        if not self._ended:
            self._ended, self._broken = True, broken
            self._more.set()

    def discard(self) -> None:
        """Nobody reads: what there is and what comes is dropped, so that the worker gets on."""
        self._unwanted = True
        self._pieces.clear()
        self._size = 0
        self._go_on()

    def pieces(self, first: bytes) -> AsyncIterator[bytes]:
        """All of them, the first one given.  Raises `BrokenOff`."""
        return Reader(self, first)

    async def next(self) -> bytes:
        """The next piece.  Raises `StopAsyncIteration`, or `BrokenOff`."""
        while not self._pieces:
            if self._ended:
                raise BrokenOff if self._broken else StopAsyncIteration
            self._more.clear()
            await self._more.wait()
        piece = self._pieces.popleft()
        self._size -= len(piece)
        if self._size <= MOST // 2:
            self._go_on()
        return piece

    def _go_on(self) -> None:
        if self._paused:
            self._paused = False
            with contextlib.suppress(RuntimeError):  # the worker has hung up
                self._resume()


class Reader:
    """Reads a stream; whoever lets go of it, begun or not, reads no more."""

    def __init__(self, stream: Stream, first: bytes) -> None:
        self._stream, self._first = stream, first

    def __aiter__(self) -> Reader:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        return await self._stream.next()

    def __del__(self) -> None:
        self._stream.discard()
