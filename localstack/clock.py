"""One clock for everything of ours that waits: real, or moved by hand in tests.

A manual clock wakes sleepers in the order of their times, and lets the event loop settle
after each, so that a day passes in milliseconds and always in the same order.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> object:
        """It does not come any more."""


class Clock(Protocol):
    """What waits asks this, never `time` or `asyncio.sleep`."""

    def time(self) -> float:
        """Seconds since the epoch."""

    async def sleep(self, seconds: float) -> None:
        """Come back `seconds` later (at once for zero or less)."""

    def call_later(self, seconds: float, act: Callable[[], None]) -> Timer:
        """Call `act` in `seconds`, with no task of its own."""


class RealClock:
    """The machine's time."""

    def time(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def call_later(self, seconds: float, act: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, act)


class ManualClock:
    """Time moves when `advance` is called.

    >>> async def day() -> list[str]:
    ...     clock, seen = ManualClock(start=0.0), []
    ...     async def wait(name: str, seconds: float) -> None:
    ...         await clock.sleep(seconds)
    ...         seen.append(f"{name} at {clock.time():.0f}")
    ...     tasks = [asyncio.create_task(wait("b", 7200)), asyncio.create_task(wait("a", 60))]
    ...     await clock.advance(86400)
    ...     return seen
    >>> asyncio.run(day())
    ['a at 60', 'b at 7200']
    """

    # Turns given to the loop after each waking, so that what was woken can run on
    # (and sleep again) before time moves further.
    SETTLE_TURNS = 20

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def time(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), wake))
        await wake

    def call_later(self, seconds: float, act: Callable[[], None]) -> Timer:
        async def wait() -> None:
            await self.sleep(seconds)
            act()

        return asyncio.get_running_loop().create_task(wait())

    async def advance(self, seconds: float) -> None:
        """Move time on by `seconds`, waking everyone due on the way, in order."""
        end = self._now + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, wake = heapq.heappop(self._sleepers)
            self._now = max(self._now, due)
            if not wake.done():
                wake.set_result(None)
            await self._settle()
        self._now = end
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(self.SETTLE_TURNS):
            await asyncio.sleep(0)
