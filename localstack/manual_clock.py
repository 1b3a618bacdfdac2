"""The clock that is moved by hand: a day passes in milliseconds, and always in the same order.

It wakes sleepers in the order of their times, and moves on only when what it woke has come to
rest: the work that is under way (invocations, deliveries, polls, threads of the embedded services)
says so by `busy`, also while it waits for another process.  What that work is it never knows.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from .clock import Timer


class Restless(Exception):
    """Work under way did not come to rest: the sentence says which."""


class ManualClock:
    """Time moves when `advance` is called.

    patience: real seconds that work under way may take before `advance` gives up

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

    mode = "manual"
    # Turns of the loop without work after which it is at rest: a new task says that it is under
    # way one turn later, a lock or a gather takes a few.
    SETTLE_TURNS = 20

    def __init__(self, start: float = 1_700_000_000.0, patience: float = 60.0) -> None:
        self.patience = patience
        # What of others falls due by itself (in the embedded services: a message becomes visible,
        # a rule fires): when, and what is done then; None when there is nothing.  Time stops there.
        self.moments: list[Callable[[], tuple[float, Callable[[], None]] | None]] = []
        self._now = start
        self._order = itertools.count()
        # (due, rank, order of asking, what wakes the sleeper)
        self._sleepers: list[tuple[float, int, int, Callable[[], None]]] = []
        self._pausing: dict[int, tuple[asyncio.Future[None], int]] = {}
        self._stirs = 0
        self._seen: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._work: dict[int, str] = {}
        self._ended = 0
        self._rest: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._advancing = asyncio.Lock()

    def bind(self) -> None:
        """Belong to the running loop, so that threads can wait by this clock."""
        self._running_loop()

    def time(self) -> float:
        return self._now

    # -- waiting
    async def sleep(self, seconds: float, rank: int = 0) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake = self._running_loop().create_future()
        self._push(self._now + seconds, rank, lambda: _wake(wake))
        await wake

    def call_later(self, seconds: float, act: Callable[[], None]) -> Timer:
        timer = _Call(act)
        self._running_loop()
        self._push(self._now + max(0.0, seconds), 0, timer.come)
        return timer

    async def pause(self, seconds: float, until: float | None = None) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._seen.get(task) == self._stirs:
            await self._wait_for_stir(self._stirs, until)
        # What was stirred while the caller looked is a reason to look again at once.
        self._seen[task] = self._stirs

    async def _wait_for_stir(self, seen: int, until: float | None) -> None:
        wake, number = self._running_loop().create_future(), next(self._order)
        self._pausing[number] = wake, seen
        if until is not None:
            self._push(max(until, self._now), 0, lambda: _wake(wake))
        try:
            await wake
        finally:
            self._pausing.pop(number, None)

    def wake_at(self, due: float, wake: Callable[[], None]) -> None:
        """Call `wake` in the loop at the time `due`.  From any thread, once `bind` was called."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._push, due, 0, wake)

    # -- what is under way
    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        token = self.begin(what)
        try:
            yield
        finally:
            self.end(token)

    def begin(self, what: str) -> int:
        """As `busy`, for work whose end is elsewhere: give the number to `end`.  Any thread."""
        token = next(self._order)
        self._work[token] = what
        return token

    def end(self, token: int) -> None:
        self._work.pop(token, None)
        self._ended += 1
        rest, loop = self._rest, self._loop
        if not self._work and rest is not None and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(_wake, rest)

    def under_way(self) -> list[str]:
        """What is under way now, the oldest first."""
        return list(self._work.values())

    def stir(self) -> None:
        self._stirs += 1
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._look)

    # -- moving
    async def advance(self, seconds: float) -> float:
        """Move time on by `seconds`, waking everyone due on the way, in order; the time then.

        Zero lets what is due now happen.  Raises Restless when work under way does not end.
        """
        self._running_loop()
        async with self._advancing:
            end = self._now + seconds
            await self._settle()
            while (stop := self._next_stop()) is not None and stop[0] <= end:
                self._now = max(self._now, stop[0])
                stop[1]()
                await self._settle()
            self._now = end
            await self._settle()
            return end

    def _next_stop(self) -> tuple[float, Callable[[], None]] | None:
        """When the next sleeper is due or the next moment comes, and what is done then."""
        stops = [moment for each in self.moments if (moment := each()) is not None]
        if self._sleepers:
            stops.append((self._sleepers[0][0], self._wake_first))
        return min(stops, key=lambda stop: stop[0], default=None)

    def _wake_first(self) -> None:
        heapq.heappop(self._sleepers)[3]()

    async def _settle(self) -> None:
        """Come back when nothing is under way and nobody who pauses has anything to look at."""
        await self._come_to_rest()
        while (wake := self._next_look()) is not None:
            _wake(wake)
            await self._come_to_rest()

    def _next_look(self) -> asyncio.Future[None] | None:
        for _, (wake, seen) in sorted(self._pausing.items()):
            if seen != self._stirs and not wake.done():
                return wake
        return None

    async def _come_to_rest(self) -> None:
        turns = 0
        while turns < self.SETTLE_TURNS:
            if self._work:
                await self._work_ends()
                turns = 0
            await asyncio.sleep(0)
            turns += 1

    async def _work_ends(self) -> None:
        """Come back when nothing is under way.  Raises Restless when nothing of it ends."""
        loop = self._running_loop()
        while self._work:
            ended, self._rest = self._ended, loop.create_future()
            if not self._work:  # a thread has just ended it, and saw nobody who waits
                _wake(self._rest)
            late = loop.call_later(self.patience, _wake, self._rest)
            try:
                await self._rest
            finally:
                late.cancel()
                self._rest = None
            if self._work and self._ended == ended:
                raise Restless(
                    f"time stands at {self._now:.3f}: after {self.patience:g} s of real time "
                    f"there is still under way: {', '.join(self.under_way())}"
                )

    def _look(self) -> None:
        """Who pauses looks at once when time is not being moved; else in its turn."""
        if not self._advancing.locked():
            for wake, _ in list(self._pausing.values()):
                _wake(wake)

    # -- parts
    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.get_running_loop()
        return self._loop

    def _push(self, due: float, rank: int, wake: Callable[[], None]) -> None:
        heapq.heappush(self._sleepers, (due, rank, next(self._order), wake))


class _Call:
    """A timer of the manual clock."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act

    def come(self) -> None:
        act, self._act = self._act, None
        if act is not None:
            act()

    def cancel(self) -> None:
        self._act = None


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
