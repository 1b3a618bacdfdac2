"""The workers of one trigger: who is free, how long to wait for one, what replaces a dead one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import wire
from .statistics import Statistics
from .worker import Worker, WorkerFailed, WorkerTimedOut


class NoWorker(Exception):
    """No worker was free within the trigger's waiting time."""


class Pool:
    """A fixed number of workers, each with one event at a time.

    make:       a new worker, not started
    wait:       seconds that an event waits for a free worker
    ready_in:   seconds a worker may take to start
    timeout:    seconds an event may take; None without a limit
    end_in:     seconds a worker may take to drain and terminate
    """

    def __init__(
        self,
        make: Callable[[int], Worker],
        size: int,
        *,
        wait: float,
        ready_in: float,
        timeout: float | None,
        end_in: float,
    ) -> None:
        self._end_in, self._closed = end_in, False
        self._make, self._wait, self._ready_in, self._timeout = make, wait, ready_in, timeout
        self._free: asyncio.Queue[tuple[int, Worker]] = asyncio.Queue()
        self._size = size
        self._workers: dict[int, Worker] = {}
        self.restarts = 0
        self.statistics = Statistics()
        self._waiting = 0  # events that have no worker yet
        self._nobody_waits = asyncio.Event()
        self._nobody_waits.set()

    async def start(self) -> None:
        """Start every worker; raises what the first failing one raised."""
        await asyncio.gather(*(self._begin(number) for number in range(self._size)))

    async def _begin(self, number: int) -> None:
        worker = self._make(number)
        self._workers[number] = worker
        await worker.start(self._ready_in)
        self._free.put_nowait((number, worker))

    async def call(self, event: Mapping[str, Any]) -> tuple[wire.Reply, list[dict[str, Any]]]:
        """The worker's reply and the log records of the event.

        Raises `NoWorker`, `WorkerFailed`, `WorkerTimedOut`; a worker that is lost is replaced.
        """
        number, worker = await self._turn()
        began = time.perf_counter()
        try:
            reply = await worker.call(event, self._timeout)
        except (WorkerFailed, WorkerTimedOut):
            self.statistics.add(time.perf_counter() - began, failed=True)
            await self._replace(number)
            raise
        except BaseException:
            await worker.stop()
            await self._replace(number)
            raise
        self.statistics.add(time.perf_counter() - began, failed=reply.status >= 400)
        self._free.put_nowait((number, worker))
        return reply, worker.take_records()

    async def _turn(self) -> tuple[int, Worker]:
        """A free worker; who waits for one is known, so that they are served before the end."""
        self._waiting += 1
        self._nobody_waits.clear()
        try:
            return await self._take()
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._nobody_waits.set()

    async def _take(self) -> tuple[int, Worker]:
        """A free worker that lives; one that has died meanwhile is replaced, not given an event."""
        while not self._closed:
            try:
                number, worker = self._free.get_nowait()
            except asyncio.QueueEmpty:
                try:
                    async with asyncio.timeout(self._wait):
                        number, worker = await self._free.get()
                except TimeoutError:
                    raise NoWorker from None
            if worker.alive:
                return number, worker
            await worker.stop()
            await self._replace(number)
        raise NoWorker

    async def _replace(self, number: int) -> None:
        if self._closed:
            return
        self.restarts += 1
        task = asyncio.get_running_loop().create_task(self._begin(number))
        # A worker that does not come up again leaves the pool smaller; its log says why.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def close(self, *, serve: bool = True) -> None:
        """End every worker, all at once; those that take too long are killed.

        serve: events that wait for a worker have theirs first; nobody sends new ones any more,
        and none waits for longer than `wait`
        """
        if serve:
            await self._nobody_waits.wait()
        self._closed = True
        await asyncio.gather(*(worker.end(self._end_in) for worker in self._workers.values()))
