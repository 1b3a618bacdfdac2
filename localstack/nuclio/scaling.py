"""How many replicas a function has: between its least and its most, and none while nobody asks.

A replica is a processor of its own on a cluster; here it is `numWorkers` more workers in each of
the function's pools, behind one port.  One is added while events wait for a worker, and the
function goes back to its least when none has come for the length of its window.  Where the least
is none, it is then scaled to zero; the next event has it start again, and waits for that.

state                        next
ready                        waitingForScaleResourceToZero (nothing came for a window)
waitingForScaleResourceToZero    scaledToZero
scaledToZero                 waitingForScaleResourceFromZero (an event, or asked to)
waitingForScaleResourceFromZero  ready, unhealthy (no worker starts)

Source: Nuclio's public functionconfig (minReplicas, maxReplicas, scaleToZero) and its states.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..clock import Clock, Timer
from .durations import seconds
from .pool import NoWorker, Pool
from .worker import WorkerFailed, WorkerTimedOut

WINDOW = "10m"
TO_ZERO, ZERO = "waitingForScaleResourceToZero", "scaledToZero"
FROM_ZERO, READY, UNHEALTHY = "waitingForScaleResourceFromZero", "ready", "unhealthy"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many replicas a function may have, and after how many seconds without an event it goes
    back to the least.

    >>> bounds_of({"minReplicas": 0, "maxReplicas": 4})
    Bounds(least=0, most=4, window=600.0)
    >>> bounds_of({"replicas": 2})
    Bounds(least=2, most=2, window=600.0)
    """

    least: int
    most: int
    window: float


def bounds_of(spec: Mapping[str, Any]) -> Bounds:
    """What a configuration says.  Raises ValueError for a least above the most."""
    windows = [
        seconds(each["windowSize"], "scaleToZero: windowSize")
        for each in (spec.get("scaleToZero") or {}).get("scaleResources") or []
        if each.get("windowSize")
    ]
    window = max(windows, default=seconds(WINDOW))
    fixed = spec.get("replicas")
    if fixed:
        return Bounds(int(fixed), int(fixed), window)
    least = 1 if spec.get("minReplicas") is None else int(spec["minReplicas"])
    most = int(spec.get("maxReplicas") or max(least, 1))
    if least > most:
        raise ValueError(f"minReplicas is {least}, which is more than maxReplicas, {most}")
    return Bounds(least, most, window)


class Scale:
    """The replicas of one function.

    pools: those of its triggers, each with how many workers of it a replica has
    told:  called with each new state and what is to be said of it
    count: how many there are
    """

    def __init__(
        self,
        bounds: Bounds,
        pools: list[tuple[Pool, int]],
        clock: Clock,
        told: Callable[[str, str], None],
        count: int,
    ) -> None:
        self.bounds, self._pools, self._clock, self._told = bounds, pools, clock, told
        self.count = count
        self._last = 0.0
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def begin(self) -> None:
        """Watch from now on; the workers of `count` replicas are there."""
        for pool, _ in self._pools:
            pool.on_event = self._event  # one with a fixed number, too, can be told to sleep
        self._last = self._clock.time()
        if self.bounds.least == self.bounds.most:
            return
        self._look_later(self.bounds.window)

    def _event(self) -> asyncio.Future[None] | None:
        """An event has come: what it must wait for before it looks for a worker, if anything."""
        self._last = self._clock.time()
        if self.count and self._task is None:
            if self._is_short():
                self._change(self.count + 1)
            return None
        if self.count:  # another replica is on its way; those that are there take events
            return None
        return asyncio.ensure_future(self._woken())

    def _is_short(self) -> bool:
        return self.count < self.bounds.most and any(pool.is_short for pool, _ in self._pools)

    async def _woken(self) -> None:
        while not self.count and not self._closed:
            await self.wake()

    async def wake(self) -> None:
        """Have a replica at least; raises `NoWorker` where none starts."""
        if self._task is not None:
            await asyncio.shield(self._task)
        if not self.count and not self._closed:
            if self._task is None:
                self._change(max(self.bounds.least, 1))
            assert self._task is not None
            await asyncio.shield(self._task)
            if not self.count:
                raise NoWorker

    async def sleep(self) -> None:
        """Scale to zero now, each worker after the event in hand."""
        while self._task is not None:
            await asyncio.shield(self._task)
        if self.count:
            self._change(0)
            assert self._task is not None
            await asyncio.shield(self._task)

    # -- changing
    def _change(self, count: int) -> None:
        self._task = asyncio.get_running_loop().create_task(self._resize(count))

    async def _resize(self, count: int) -> None:
        had, changed = self.count, False
        try:
            with self._clock.busy("replicas of a Nuclio function"):
                if not count:
                    self.count = 0
                    self._told(TO_ZERO, "Scaling to zero")
                elif not had:
                    self._told(FROM_ZERO, "Scaling from zero")
                await asyncio.gather(*(pool.resize(count * each) for pool, each in self._pools))
                self.count, changed = count, True
                self._say(had, count)
        except (WorkerFailed, WorkerTimedOut, OSError) as error:
            await self._fell_back(had, error)
        finally:
            self._task = None
        if self._closed or not self.count:
            return
        if changed and self._is_short():  # who waits is not to need one who comes later
            self._change(self.count + 1)
        else:
            self._look_later(self.bounds.window)

    async def _fell_back(self, had: int, error: Exception) -> None:
        """No worker starts: those that are there go on."""
        await asyncio.gather(*(pool.resize(had * each) for pool, each in self._pools))
        if had:
            self._told(READY, f"Another replica does not start: {error}")
        else:
            self._told(UNHEALTHY, str(error))

    def _say(self, had: int, count: int) -> None:
        if not count:
            self._told(ZERO, "Function is scaled to zero")
        elif not had:
            self._told(READY, "Function is scaled from zero")
        else:
            self._told(READY, f"Function has {count} replicas")

    # -- looking
    def _look_later(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_later(seconds, self._look)

    def _look(self) -> None:
        """Go to the least when nothing has come for a window and nothing is in hand."""
        self._timer = None
        if self._task is not None or self.count <= self.bounds.least:
            return
        idle = self._clock.time() - self._last
        if any(pool.busy for pool, _ in self._pools):
            self._look_later(self.bounds.window)
        elif idle < self.bounds.window:
            self._look_later(self.bounds.window - idle)
        else:
            self._change(self.bounds.least)

    async def close(self) -> None:
        """Change nothing any more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
