"""What a sandbox prints: collected per invocation for LogResult, delivered to CloudWatch Logs.

Delivery is batched and beside the invocations: it never makes one wait, and it tries again while
the Logs service is still loading.  Who reads logs calls `flush` first and finds every line.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

from ..clock import Clock, Timer

# (operation, members) -> the answer's members; raises LogsRefused.
CallLogs = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]

# What one invocation may print before the middle is left out, in bytes; CloudWatch's own events
# are cut at 256 KB.
KEEP = 1 << 20
LINE = 256 * 1024
BATCH_EVENTS, BATCH_BYTES = 1000, 900_000
# Seconds that lines wait for more, and that a refused delivery waits to be tried again.
GATHER, PAUSE = 0.2, 0.05


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
    """Delivers lines to log streams, making group and stream when they are missing."""

    def __init__(self, call: CallLogs, clock: Clock) -> None:
        self._call, self._clock = call, clock
        self._pending: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._made: set[tuple[str, str]] = set()
        self._timer: Timer | None = None
        self._delivering = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, group: str, stream: str, text: bytes) -> None:
        """Queue whole lines for one stream, and return at once."""
        now = int(self._clock.time() * 1000)
        lines = text.decode("utf-8", "replace").split("\n")
        events = [{"timestamp": now, "message": line[:LINE]} for line in lines if line.strip()]
        if not events:
            return
        waiting = self._pending.setdefault((group, stream), [])
        waiting.extend(events)
        if len(waiting) >= BATCH_EVENTS:
            self._begin()
        elif self._timer is None:
            self._timer = self._clock.call_later(GATHER, self._begin)

    def forget(self) -> None:
        """Everything was wiped: drop what waits, and make groups anew."""
        self._pending.clear()
        self._made.clear()

    async def flush(self) -> None:
        """Come back when what was added is delivered."""
        async with self._delivering:
            while self._pending:
                await self._deliver_one()

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        task = asyncio.get_running_loop().create_task(self.flush())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver_one(self) -> None:
        (group, stream), events = next(iter(self._pending.items()))
        batch = _batch(events)
        try:
            await self._put(group, stream, events[:batch])
        except (LogsRefused, OSError):
            self._made.discard((group, stream))
            await self._clock.sleep(PAUSE)
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


def _batch(events: list[dict[str, Any]]) -> int:
    """How many of the first events go into one PutLogEvents call."""
    size = 0
    for count, event in enumerate(events[:BATCH_EVENTS]):
        size += len(event["message"]) + 26
        if size > BATCH_BYTES and count:
            return count
    return min(len(events), BATCH_EVENTS)
