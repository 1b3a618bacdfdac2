"""The cron trigger: an event at times, by interval or by a schedule (`schedules`), in UTC.

Ticks missed while an event runs are not piled up.  Source: Nuclio's public
pkg/processor/trigger/cron/trigger.go.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from .. import wire
from ..durations import seconds
from ..pool import NoWorker, Pool
from ..schedules import Scheduled
from ..worker import WorkerFailed, WorkerTimedOut
from .base import Around

KIND = "cron"


class CronTrigger:
    """Sends an event to its pool at every tick, until closed."""

    def __init__(self, name: str, settings: dict[str, Any], pool: Pool, around: Around) -> None:
        self.name, self.kind, self._retired, self._at_work = name, KIND, False, False
        self._name, self._pool, self._clock = name, pool, around.clock
        attributes = settings.get("attributes") or {}
        interval = attributes.get("interval")
        self._every = seconds(interval, f"cron trigger {name}: interval") if interval else 0.0
        schedule = str(attributes.get("schedule") or "")
        self._given = attributes.get("event") or {}
        if not self._every and not schedule:
            raise ValueError(f"cron trigger {name} has neither interval nor schedule")
        self._schedule = Scheduled(schedule) if schedule else None
        if self._schedule:
            self._schedule.after(0.0)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    def retire(self) -> None:
        """No tick any more; an event that is under way goes on to its end."""
        self._retired = True
        if self._task is not None and not self._at_work:
            self._task.cancel()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._retired:
            now = self._clock.time()
            due = self._schedule.after(now) if self._schedule else now + self._every
            await self._clock.sleep(due - now)
            self._at_work = True
            try:
                with self._clock.busy(f"event of the cron trigger {self._name}"):
                    await self._pool.call(self._event())
            except (NoWorker, WorkerFailed, WorkerTimedOut, ValueError) as error:
                said = str(error) or "no worker was free"
                print(f"nuclio: trigger {self._name}: {said}", file=sys.stderr, flush=True)
            self._at_work = False

    def _event(self) -> dict[str, Any]:
        body = self._given.get("body", "")
        text = body if isinstance(body, str) else json.dumps(body)
        headers = {
            str(name): str(value) for name, value in (self._given.get("headers") or {}).items()
        }
        return wire.event(
            kind=KIND,
            name=self._name,
            body=text.encode(),
            headers=headers,
            now=self._clock.time(),
        )
