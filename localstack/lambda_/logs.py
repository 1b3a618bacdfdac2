"""What sandboxes tell, delivered to CloudWatch Logs: one event a message, in the order told.

Delivery is batched and beside the invocations: it never makes one wait, and it tries again while
the Logs service is still loading.  Who reads logs calls `flush` first and finds every line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ..clock import MACHINE, Clock, Timer
from .telemetry.journal import Journal

# (operation, members) -> the answer's members; raises LogsRefused.
CallLogs = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]

# A batch is small enough that who waits behind it does not notice.
BATCH_EVENTS, BATCH_BYTES = 200, 900_000
# Seconds that lines wait for more, and that a refused delivery waits to be tried again.
GATHER, PAUSE = 0.2, 0.05
# Seconds that messages may gather while more keep coming.
LONGEST = 5.0


class LogsRefused(Exception):
    """The Logs service answered with an error; `code` is its name."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


class LogSink:
    """Takes what journals have to tell to their log streams, making group and stream when they are
    missing.

    While messages keep coming they gather, up to `LONGEST` seconds: an invocation never shares
    its processor with the delivery of the one before.
    """

    def __init__(self, call: CallLogs, clock: Clock) -> None:
        self._call, self._clock = call, clock
        self.era = 0  # how often everything was wiped
        self._journals: set[Journal] = set()
        self._pending: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._made: set[tuple[str, str]] = set()
        self._timer: Timer | None = None
        self._first, self._last = 0.0, 0.0
        self._delivering = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, journal: Journal, urgent: bool = False) -> None:
        """`journal` has something to be taken; returns at once."""
        if journal.era != self.era:
            journal.take()  # a sandbox of before everything was wiped, on its way to its end
            return
        self._journals.add(journal)
        self._last = self._clock.time()
        if self._timer is None:
            self._first = self._last
            self._timer = self._clock.call_later(GATHER, self._look)
        if urgent and not self._tasks:
            self._begin()

    def forget(self) -> None:
        """Everything was wiped: drop what waits and what still comes, and make groups anew."""
        self.era += 1
        for journal in self._journals:
            journal.take()
        self._journals.clear()
        self._pending.clear()
        self._made.clear()

    async def flush(self) -> None:
        """Come back when what was told is delivered."""
        with self._clock.busy("delivery of log lines"):
            async with self._delivering:
                self._take()
                while self._pending:
                    await self._deliver_one()

    def _look(self) -> None:
        """Deliver once nothing was told for a while."""
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

    def _take(self) -> None:
        journals, self._journals = self._journals, set()
        for journal in journals:
            events = [
                {"timestamp": at, "message": message.decode("utf-8", "replace")}
                for at, message in journal.take()
            ]
            if events:
                self._pending.setdefault((journal.group, journal.stream), []).extend(events)

    async def _deliver_one(self) -> None:
        key, events = next(iter(self._pending.items()))
        batch = _batch(events)
        try:
            await self._put(key, events[:batch])
        except (LogsRefused, OSError):
            self._made.discard(key)
            await MACHINE.sleep(PAUSE)
            return
        del events[:batch]
        if not events and self._pending.get(key) is events:
            del self._pending[key]

    async def _put(self, key: tuple[str, str], events: list[dict[str, Any]]) -> None:
        group, stream = key
        if key not in self._made:
            await self._make("CreateLogGroup", {"logGroupName": group})
            await self._make("CreateLogStream", {"logGroupName": group, "logStreamName": stream})
            self._made.add(key)
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
