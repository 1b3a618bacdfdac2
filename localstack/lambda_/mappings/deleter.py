"""Deletes messages that are done: those that come together go together, ten a request."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from ...clock import Clock
from .base import SourceRefused

MOST = 10


class Deleter:
    """The messages of one queue that wait to be deleted.

    call: (operation, members) -> the answer; it knows the queue
    """

    def __init__(
        self,
        call: Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]],
        trouble: Callable[[Exception], None],
        what: str,
        clock: Clock,
    ) -> None:
        self._call, self._trouble, self._what, self._clock = call, trouble, what, clock
        self._waiting: deque[str] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, receipts: Iterable[str]) -> None:
        self._waiting.extend(receipts)
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def flushed(self) -> None:
        """Come back when nothing waits."""
        while self._task is not None and not self._task.done():
            await asyncio.wait({self._task})

    async def abort(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _work(self) -> None:
        with self._clock.busy(self._what):
            while self._waiting:
                count = min(MOST, len(self._waiting))
                receipts = [self._waiting.popleft() for _ in range(count)]
                entries = [
                    {"Id": str(number), "ReceiptHandle": receipt}
                    for number, receipt in enumerate(receipts)
                ]
                try:
                    await self._call("DeleteMessageBatch", {"Entries": entries})
                except (SourceRefused, OSError) as error:
                    self._trouble(error)  # they come again: a queue delivers at least once
