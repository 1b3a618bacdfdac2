"""The clock that whatever waits in a graph asks: the real one here, a manual one for tests.

`sleep` is for graphs without async steps, `wait` for those with.  No step reads the time or sleeps
by itself, so a test moves a day in no time.
"""

from __future__ import annotations

import time
from _thread import TIMEOUT_MAX, LockType, allocate_lock
from typing import Any


class RealClock:
    """The machine's own.

    >>> clock = RealClock()
    >>> clock.now() <= clock.now()
    True
    """

    now = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)

    async def wait(self, seconds: float) -> None:
        import asyncio

        await asyncio.sleep(seconds)

    def lapse(self, lock: LockType, seconds: float | None) -> bool:
        return lock.acquire(timeout=-1 if seconds is None else min(seconds, TIMEOUT_MAX))

    def until(self, lock: LockType, seconds: float | None) -> None:
        self.lapse(lock, seconds)


def wake(lock: LockType) -> None:
    """Release the lock that a thread waits for with `until`, whether it does so still or not."""
    try:
        lock.release()
    except RuntimeError:  # it is awake already
        return


class ManualClock:
    """A clock that a test moves; shipped so that everybody can test a graph that waits.

    A plain graph's `sleep` moves it at once, and wakes what falls due by it in other threads.  An
    async graph's `wait` ends when `advance` has moved it far enough; `advance` stops at everything
    due on the way, in order, and lets it run.

    slept: the seconds of every `sleep` and `wait`, in order

    >>> clock = ManualClock()
    >>> clock.sleep(60)
    >>> clock.now(), clock.slept
    (60.0, [60])
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now, self.slept = start, list[float]()
        self._waiting: list[tuple[float, int, Any]] = []
        self._locks: list[tuple[float, LockType]] = []
        self._lock = allocate_lock()

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._now += seconds
        self._ring()
        for _, _, ends in [each for each in self._waiting if each[0] <= self._now]:
            ends.get_loop().call_soon_threadsafe(end, ends)

    def _ring(self) -> None:
        with self._lock:
            due = [lock for at, lock in self._locks if at <= self._now]
        for lock in due:
            wake(lock)

    def until(self, lock: LockType, seconds: float | None) -> None:
        if seconds is None:
            lock.acquire()
            return
        entry = (self._now + seconds, lock)
        with self._lock:
            self._locks.append(entry)
        self._ring()
        lock.acquire()
        with self._lock:
            self._locks.remove(entry)

    def lapse(self, lock: LockType, seconds: float | None) -> bool:
        if seconds is None:
            return lock.acquire()
        if not lock.acquire(blocking=False):
            self.sleep(seconds)
            return lock.acquire(blocking=False)
        return True

    async def wait(self, seconds: float) -> None:
        import asyncio

        self.slept.append(seconds)
        ends: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (self._now + seconds, len(self.slept), ends)
        self._waiting.append(entry)
        try:
            await ends
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    async def advance(self, seconds: float) -> None:
        """Move the clock, waking what falls due one after another, each run until it waits."""
        target = self._now + seconds
        await self.settle()
        while due := [each for each in self._waiting if each[0] <= target]:
            first = min(due)
            self._waiting.remove(first)
            self._now = max(self._now, first[0])
            end(first[2])
            self._ring()
            await self.settle()
        self._now = max(self._now, target)
        self._ring()

    async def settle(self, turns: int = 20) -> None:
        """Let everything that can run now run until it waits: `turns` rounds of the loop."""
        import asyncio

        for _ in range(turns):
            await asyncio.sleep(0)


def end(future: Any) -> None:
    """Let who waits for a future go on, unless it is over already."""
    if not future.done():
        future.set_result(None)
