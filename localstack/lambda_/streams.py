"""A response that reaches its caller while the function still writes it.

One writer (the function's connection), one reader (the caller).  A reader that is slow makes the
writer wait, so that memory holds little of it.  Sources: AWS's pages on response streaming (200 MB
at most) and on custom runtimes (streaming mode, error trailers).
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable

LIMIT = 200 * 1024 * 1024  # bytes of one response
_HIGH, _LOW = 1024 * 1024, 256 * 1024  # bytes that wait: the writer is stopped, may go on
# The content type of a stream that begins with status and headers as JSON, then eight NUL bytes.
HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response"
DELIMITER = bytes(8)


def _nothing() -> None:
    pass


class ResponseStream:
    """What a function has written and its caller has not read yet.

    >>> async def both() -> list[bytes]:
    ...     stream = ResponseStream()
    ...     stream.begin("text/plain")
    ...     stream.put(b"a"); stream.put(b"b"); stream.end()
    ...     return [piece async for piece in stream]
    >>> asyncio.run(both())
    [b'a', b'b']
    """

    def __init__(self) -> None:
        self.content_type = ""
        self.begun = asyncio.Event()
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._changed = asyncio.Event()
        self._ended = False
        self._stop: Callable[[], None] = _nothing
        self._go: Callable[[], None] = _nothing
        self._stopped = False
        self._unwanted = False

    # -- the writer
    def begin(
        self,
        content_type: str,
        stop: Callable[[], None] = _nothing,
        go: Callable[[], None] = _nothing,
    ) -> None:
        """A response begins; `stop` and `go` hold its writer back and let it on."""
        self.content_type, self._stop, self._go = content_type, stop, go
        self.begun.set()

    def put(self, piece: bytes) -> None:
        if self._unwanted:
            return
        self._pieces.append(piece)
        self._waiting += len(piece)
        self._changed.set()
        if self._waiting > _HIGH and not self._stopped:
            self._stopped = True
            self._stop()

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._go = _nothing
        self._changed.set()

    # -- the reader
    def discard(self) -> None:
        """Nobody reads on; the writer goes on to its end all the same."""
        self._unwanted, self._waiting = True, 0
        self._pieces.clear()
        if self._stopped:
            self._stopped = False
            self._go()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._waiting -= len(piece)
                if self._stopped and self._waiting < _LOW:
                    self._stopped = False
                    self._go()
                yield piece
            if self._ended:
                return
            self._changed.clear()
            await self._changed.wait()


class Tap:
    """What a sandbox's streaming response flows through: on to a caller who wants it as it comes,
    together for one who wants it whole.

    over:      told once, with (error, body): the error as JSON or b"", and what was kept together
    broke_off: told instead when its connection ended, most often because its process did
    """

    def __init__(
        self,
        over: Callable[[bytes, bytes], None],
        kept: int,
        broke_off: Callable[[], None] = _nothing,
    ) -> None:
        self.broke_off = broke_off
        self.stream: ResponseStream | None = None
        self._over, self._kept = over, kept
        self._size, self._together = 0, bytearray()

    def began(self, content_type: str, stop: Callable[[], None], go: Callable[[], None]) -> None:
        self._size, self._together = 0, bytearray()
        if self.stream is not None:
            self.stream.begin(content_type, stop, go)

    def piece(self, data: bytes) -> bool:
        """Whether more is wanted."""
        self._size += len(data)
        if self.stream is None:
            self._together += data[: self._kept - len(self._together)]
        elif self._size <= LIMIT:
            self.stream.put(data)
        else:
            self._over(_too_large(), b"")
            return False
        return True

    def over(self, error: bytes) -> None:
        """The stream is at its end, with an error as JSON or with b"" for none."""
        self._over(error, bytes(self._together))


def truncated(why: str) -> bytes:
    """The error of a response whose end is missing, in the runtime interface emulator's word."""
    return json.dumps({"errorType": "Runtime.TruncatedResponse", "errorMessage": why}).encode()


def _too_large() -> bytes:
    said = f"Response payload size exceeded maximum allowed payload size ({LIMIT} bytes)."
    kind = "Function.ResponseSizeTooLarge"
    return json.dumps({"errorType": kind, "errorMessage": said}).encode()
