"""What a sandbox prints: collected per invocation for LogResult, delivered to CloudWatch Logs.

Delivery is batched and beside the invocations: it never makes one wait, and it tries again while
the Logs service is still loading.  Who reads logs calls `flush` first and finds every line.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

from ..clock import MACHINE, Clock, Timer

# (operation, members) -> the answer's members; raises LogsRefused.
CallLogs = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]

# What one invocation may print before the middle is left out, in bytes; CloudWatch's own events
# are cut at 256 KB.
KEEP = 1 << 20
LINE = 256 * 1024
# A batch is small enough that who waits behind it does not notice.
BATCH_EVENTS, BATCH_BYTES = 200, 900_000
# Seconds that lines wait for more, and that a refused delivery waits to be tried again.
GATHER, PAUSE = 0.2, 0.05
# What may gather while lines keep coming: seconds, and lines.
LONGEST, MOST_LINES = 5.0, 10_000


class LogsRefused(Exception):
    """The Logs service answered with an error; `code` is its name."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


class Output:
    """What one invocation printed, bounded: the first and the last half of `KEEP` bytes."""

    def __init__(self) -> None:
        self._head, self._tail, self._left_out = bytearray(), bytearray(), 0

    def add(self, data: bytes) -> None:
        room = KEEP // 2 - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        extra = len(self._tail) - KEEP // 2
        if extra > 0:
            del self._tail[:extra]
            self._left_out += extra

    def text(self) -> bytes:
        if not self._left_out:
            return bytes(self._head + self._tail)
        note = f"\n[{self._left_out} bytes left out by the emulator]\n".encode()
        return bytes(self._head) + note + bytes(self._tail)


def stream_name(now: float, version: str, token: str) -> str:
    """`2026/01/01/[$LATEST]<32 hex>`, one per sandbox.

    >>> stream_name(0, "$LATEST", "ab" * 16)
    '1970/01/01/[$LATEST]abababababababababababababababab'
    """
    day = dt.datetime.fromtimestamp(now, dt.UTC)
    return f"{day:%Y/%m/%d}/[{version}]{token}"


class LogSink:
    """Delivers lines to log streams, making group and stream when they are missing.

    While lines keep coming they gather, up to `MOST_LINES` and `LONGEST` seconds: an invocation
    never shares its processor with the delivery of the one before.
    """

    def __init__(self, call: CallLogs, clock: Clock) -> None:
        self._call, self._clock = call, clock
        self._texts: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
        self._pending: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._made: set[tuple[str, str]] = set()
        self._timer: Timer | None = None
        self._waiting, self._first, self._last = 0, 0.0, 0.0
        self._delivering = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, group: str, stream: str, text: bytes) -> None:
        """Queue whole lines for one stream, and return at once."""
        if not text:
            return
        self._last = self._clock.time()
        self._texts.setdefault((group, stream), []).append((int(self._last * 1000), text))
        self._waiting += text.count(b"\n") + 1
        if self._timer is None:
            self._first = self._last
            self._timer = self._clock.call_later(GATHER, self._look)
        elif self._waiting >= MOST_LINES:
            self._begin()

    def forget(self) -> None:
        """Everything was wiped: drop what waits, and make groups anew."""
        self._texts.clear()
        self._pending.clear()
        self._made.clear()
        self._waiting = 0

    async def flush(self) -> None:
        """Come back when what was added is delivered."""
        with self._clock.busy("delivery of log lines"):
            async with self._delivering:
                self._take_texts()
                while self._pending:
                    await self._deliver_one()

    def _look(self) -> None:
        """Deliver once nothing was added for a while."""
        now = self._clock.time()
        if now - self._last < GATHER and now - self._first < LONGEST:
            self._timer = self._clock.call_later(GATHER, self._look)
        else:
            self._begin()

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        task = asyncio.get_running_loop().create_task(self.flush())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take_texts(self) -> None:
        texts, self._texts, self._waiting = self._texts, {}, 0
        for key, added in texts.items():
            events = [event for now, text in added for event in _events(now, text)]
            if events:
                self._pending.setdefault(key, []).extend(events)

    async def _deliver_one(self) -> None:
        (group, stream), events = next(iter(self._pending.items()))
        batch = _batch(events)
        try:
            await self._put(group, stream, events[:batch])
        except (LogsRefused, OSError):
            self._made.discard((group, stream))
            await MACHINE.sleep(PAUSE)
            return
        del events[:batch]
        if not events:
            self._pending.pop((group, stream), None)

    async def _put(self, group: str, stream: str, events: list[dict[str, Any]]) -> None:
        if (group, stream) not in self._made:
            await self._make("CreateLogGroup", {"logGroupName": group})
            await self._make("CreateLogStream", {"logGroupName": group, "logStreamName": stream})
            self._made.add((group, stream))
        await self._call(
            "PutLogEvents",
            {"logGroupName": group, "logStreamName": stream, "logEvents": events},
        )

    async def _make(self, operation: str, members: dict[str, Any]) -> None:
        try:
            await self._call(operation, members)
        except LogsRefused as error:
            if error.code != "ResourceAlreadyExistsException":
                raise


def _events(now: int, text: bytes) -> list[dict[str, Any]]:
    """One event a line that says anything, all of one time (milliseconds)."""
    lines = text.decode("utf-8", "replace").split("\n")
    return [{"timestamp": now, "message": line[:LINE]} for line in lines if line.strip()]


def _batch(events: list[dict[str, Any]]) -> int:
    """How many of the first events go into one PutLogEvents call."""
    size = 0
    for count, event in enumerate(events[:BATCH_EVENTS]):
        size += len(event["message"]) + 26
        if size > BATCH_BYTES and count:
            return count
    return min(len(events), BATCH_EVENTS)
