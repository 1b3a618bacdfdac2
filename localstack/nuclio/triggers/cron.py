"""The cron trigger: an event at times, by interval or by a five-field schedule (UTC).

Ticks missed while an event runs are not piled up.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
from typing import Any

from .. import wire
from ..durations import seconds
from ..pool import NoWorker, Pool
from ..worker import WorkerFailed, WorkerTimedOut
from .base import Around

KIND = "cron"
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


class CronTrigger:
    """Sends an event to its pool at every tick, until closed."""

    def __init__(self, name: str, settings: dict[str, Any], pool: Pool, around: Around) -> None:
        self.name, self.kind, self._retired, self._at_work = name, KIND, False, False
        self._name, self._pool, self._clock = name, pool, around.clock
        attributes = settings.get("attributes") or {}
        self._every = seconds(attributes["interval"]) if attributes.get("interval") else 0.0
        self._schedule = str(attributes.get("schedule") or "")
        self._given = attributes.get("event") or {}
        if not self._every and not self._schedule:
            raise ValueError(f"cron trigger {name} has neither interval nor schedule")
        if self._schedule:
            next_tick(self._schedule, 0.0)
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
            due = now + self._every if self._every else next_tick(self._schedule, now)
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


def next_tick(schedule: str, after: float) -> float:
    """The next whole minute after `after` (epoch seconds) that a five-field schedule names.

    >>> next_tick("30 4 * * *", 0.0) == (4 * 60 + 30) * 60
    True
    """
    fields = schedule.split()
    if len(fields) != len(RANGES):
        raise ValueError(f"cron schedule {schedule!r} does not have five fields")
    minutes, hours, days, months, weekdays = (
        _values(field, *bounds) for field, bounds in zip(fields, RANGES, strict=True)
    )
    at = dt.datetime.fromtimestamp(after, dt.UTC).replace(second=0, microsecond=0)
    end = at + dt.timedelta(days=366 * 5)
    while at < end:
        at += dt.timedelta(minutes=1)
        if at.month not in months or not _day_fits(at, fields, days, weekdays):
            at = at.replace(hour=23, minute=59)
        elif at.hour not in hours:
            at = at.replace(minute=59)
        elif at.minute in minutes:
            return at.timestamp()
    raise ValueError(f"cron schedule {schedule!r} names no time within five years")


def _day_fits(at: dt.datetime, fields: list[str], days: set[int], weekdays: set[int]) -> bool:
    """Classic cron: with both fields given either may fit."""
    by_day, by_weekday = at.day in days, (at.isoweekday() % 7) in {each % 7 for each in weekdays}
    if fields[2] == "*" or fields[4] == "*":
        return by_day and by_weekday
    return by_day or by_weekday


def _values(field: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, last = least, most
        if span != "*":
            low, _, high = span.partition("-")
            first, last = int(low), int(high or low)
            if step and not high:
                last = most
        if not least <= first <= last <= most:
            raise ValueError(f"cron field {field!r} is outside {least} to {most}")
        found |= set(range(first, last + 1, int(step or 1)))
    return found
