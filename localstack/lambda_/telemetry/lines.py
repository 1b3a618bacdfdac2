"""The bytes of a sandbox's one pipe become messages with times.

Two writers share the pipe: whatever is printed, in lines; and the runtime client's logger, which
wraps each message in a frame so that one of several lines stays one message and has the time at
which it was logged.  One pipe for both keeps them in the order in which they were written.  This
module knows bytes and times, and nothing of where messages go.

A frame is four bytes of type (a5 5a 00 and a byte: the level in its upper six bits, then 2 for
JSON and 3 for text), four of length, eight of microseconds since the epoch, all big-endian, and
the message.  Source: `FramedTelemetryLogSink` and `_JSON_FRAME_TYPES` of awslambdaric 4.2.2.
"""

from __future__ import annotations

from collections.abc import Callable

MAGIC = b"\xa5\x5a\x00"
HEAD = 16
# CloudWatch's limit for one event is 256 KB with 26 bytes of its own (and here a newline); longer
# lines are cut in pieces, none of which is lost.
LONGEST = 256 * 1024 - 26 - 1
# A frame's time is believed when it is this near to the reader's: a manual clock has its own.
NEAR_MS = 60_000
# No message is larger than what a function may hold.
LARGEST = 1 << 30

# (milliseconds since the epoch, message, level of the frame or 0)
Emit = Callable[[int, bytes, int], None]


class Lines:
    """Cuts what is read into messages, and hands each to `emit`.

    >>> seen: list[tuple[int, bytes, int]] = []
    >>> lines = Lines(lambda *message: seen.append(message))
    >>> lines.add(b"one\\ntw", 5)
    >>> lines.add(b"o\\n", 6)
    >>> seen
    [(5, b'one\\n', 0), (6, b'two\\n', 0)]
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._rest = b""  # a line that has no newline yet
        self._frame = bytearray()  # a frame of which more is to come
        self._need = 0

    def add(self, data: bytes, now: int) -> None:
        """Bytes as they were read, at `now` (milliseconds since the epoch)."""
        if self._need:
            self._frame += data
            if len(self._frame) < self._need:
                return
            data, self._need = bytes(self._frame), 0
            self._frame.clear()
        elif self._rest:
            data, self._rest = self._rest + data, b""
        begin = look = 0
        while (at := data.find(MAGIC, look)) >= 0:
            size = _frame_size(data[at : at + 8])
            if size == 0:
                look = at + 1
                continue
            if at > begin:
                self._printed(data[begin:at], now)
                self.flush(now)
            if at + size > len(data):
                self._frame += data[at:]
                self._need = size
                return
            self._framed(data[at : at + size], now)
            begin = look = at + size
        if begin < len(data):
            self._printed(data[begin:], now)

    def flush(self, now: int) -> None:
        """What has no newline yet is a message of its own; half a frame goes on waiting."""
        if self._rest:
            rest, self._rest = self._rest, b""
            self._emit(now, rest, 0)

    def end(self, now: int) -> None:
        """The process has ended: what is there of a frame is all that comes of it."""
        frame, self._need = bytes(self._frame), 0
        self._frame.clear()
        self.flush(now)
        if len(frame) > HEAD:
            self._framed(frame, now)

    def _printed(self, data: bytes, now: int) -> None:
        head, newline, self._rest = data.rpartition(b"\n")
        if newline:
            for line in head.split(b"\n"):
                self._emit(now, self._cut(now, line, 0) + newline, 0)
        self._rest = self._cut(now, self._rest, 0)

    def _framed(self, frame: bytes, now: int) -> None:
        at = int.from_bytes(frame[8:HEAD], "big") // 1000
        message = frame[HEAD:]
        at = at if abs(at - now) < NEAR_MS else now
        level = frame[3] >> 2
        if message:
            self._emit(at, self._cut(at, message, level), level)

    def _cut(self, at: int, message: bytes, level: int) -> bytes:
        """Emit what is too long for one message; the rest of it."""
        while len(message) > LONGEST:
            end = LONGEST
            while end > LONGEST - 4 and message[end] & 0xC0 == 0x80:
                end -= 1  # not in the middle of a character
            self._emit(at, message[:end], level)
            message = message[end:]
        return message


def _frame_size(head: bytes) -> int:
    """Bytes of the frame that begins with `head`, as far as is known; 0 when it is none."""
    if len(head) > 3 and (head[3] & 2 == 0 or head[3] >> 2 > 6):
        return 0
    if len(head) < 8:
        return HEAD
    length = int.from_bytes(head[4:8], "big")
    return HEAD + length if length <= LARGEST else 0
