"""Batches of an HTTP trigger: requests that wait together, and each one's own answer.

Source: Nuclio's public trigger.Batcher and pkg/processor/trigger/http.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ...clock import Clock, Timer
from .. import wire
from ..durations import seconds
from ..pool import Pool

SIZE, TIMEOUT = 10, "1s"


class Batches:
    """Gathers events until there are `size` of them, or the first has waited for `timeout`."""

    def __init__(self, pool: Pool, clock: Clock, size: int, timeout: float) -> None:
        self._pool, self._clock, self._size, self._timeout = pool, clock, size, timeout
        self._batch: list[tuple[Mapping[str, Any], asyncio.Future[wire.Reply]]] = []
        self._timer: Timer | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def call(self, event: Mapping[str, Any]) -> wire.Reply | None:
        """The function's answer to this event; None when none has come within the time that an
        event waits for a worker (it named no event, or another).  Raises as `Pool.call_batch`."""
        answer: asyncio.Future[wire.Reply] = asyncio.get_running_loop().create_future()
        self._batch.append((event, answer))
        if len(self._batch) >= self._size:
            self._send()
        elif self._timer is None:
            self._timer = self._clock.call_later(self._timeout, self._send)
        # Real workers are at work: how long that may take goes by the machine's time.
        done, _ = await asyncio.wait({answer}, timeout=self._pool.wait)
        if not done:
            answer.cancel()
            return None
        return answer.result()

    def _send(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._batch = self._batch, []
        if batch:
            task = asyncio.get_running_loop().create_task(self._give(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _give(
        self, batch: list[tuple[Mapping[str, Any], asyncio.Future[wire.Reply]]]
    ) -> None:
        try:
            found = await self._pool.call_batch([event for event, _ in batch])
        except Exception as error:  # each of those who wait is told
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for event, answer in batch:
            if not answer.done() and (reply := found.get(event["id"])) is not None:
                answer.set_result(reply)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def batches_of(settings: Mapping[str, Any], pool: Pool, clock: Clock) -> Batches | None:
    """As the trigger's `batch` says; None where its mode is not "enable"."""
    given = settings.get("batch") or {}
    if given.get("mode") != "enable":
        return None
    size, timeout = int(given.get("batchSize") or SIZE), given.get("timeout") or TIMEOUT
    return Batches(pool, clock, size, seconds(timeout, "batch.timeout"))
