"""When a clock ticks: an interval, or a five-field crontab line in a time zone.  No clock is asked.

An interval counts from the epoch, so that all who count it agree.  A line is meant by the wall's
clock of its zone, summer time and all, as EventBridge Scheduler means it:

- a time that a change of the clock leaves out does not come that day
- a time that comes twice ticks once, the first time; but a line with `*` for its hour ticks in each
  hour that there really is

Source: EventBridge Scheduler's user guide, "Schedule types", on daylight saving time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Protocol

RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MINUTE = dt.timedelta(minutes=1)
_YEARS = dt.timedelta(days=366 * 5)


class Schedule(Protocol):
    """Times that are known before they come."""

    def after(self, moment: float) -> float:
        """The first tick after `moment`; both in seconds since the epoch."""

    def last(self, since: float, until: float) -> float | None:
        """The last tick after `since` and not after `until`."""


class Every:
    """
    >>> Every(3600).after(10.0), Every(60).last(0.0, 200.0)
    (3600.0, 180.0)
    """

    def __init__(self, seconds: int) -> None:
        if seconds < 1:
            raise ValueError(f"every {seconds} s is no interval; give whole seconds")
        self.seconds = seconds

    def after(self, moment: float) -> float:
        return float((moment // self.seconds + 1) * self.seconds)

    def last(self, since: float, until: float) -> float | None:
        found = float(until // self.seconds * self.seconds)
        return found if found > since else None

    def __str__(self) -> str:
        return f"every {self.seconds} s"


class Crontab:
    """Raises `ValueError` for a line or a zone that means nothing.

    >>> Crontab("30 4 * * *").after(0.0) == (4 * 60 + 30) * 60
    True
    """

    def __init__(self, line: str, timezone: str = "") -> None:
        fields = line.split()
        if len(fields) != len(RANGES):
            raise ValueError(f"cron schedule {line!r} does not have five fields")
        self.line, self.timezone = " ".join(fields), timezone
        self._zone = zone_of(timezone)
        self._minutes, self._hours, self._days, self._months, weekdays = (
            _values(field, *bounds) for field, bounds in zip(fields, RANGES, strict=True)
        )
        self._weekdays = {each % 7 for each in weekdays}
        self._either = fields[2] != "*" and fields[4] != "*"
        self._each_hour = fields[1].startswith("*")

    def after(self, moment: float) -> float:
        at = dt.datetime.fromtimestamp(moment, dt.UTC).replace(second=0, microsecond=0) + _MINUTE
        end = at + _YEARS
        while at < end:
            here = at.astimezone(self._zone)
            if here.month not in self._months or not self._day_fits(here):
                at = self._forward(at, 60 * 24 - 60 * here.hour - here.minute)
            elif here.hour not in self._hours:
                at = self._forward(at, 60 - here.minute)
            elif here.minute in self._minutes and (self._each_hour or not here.fold):
                return at.timestamp()
            else:
                at += _MINUTE
        raise ValueError(f"cron schedule {self.line!r} names no time within five years")

    def last(self, since: float, until: float) -> float | None:
        span = 60.0  # looked through backwards in spans that grow, for what ticks seldom
        while True:
            begin = max(since, until - span)
            found = max(between(self, begin, until), default=None)
            if found is not None or begin == since:
                return found
            until, span = begin, 4 * span

    def _forward(self, at: dt.datetime, minutes: int) -> dt.datetime:
        """So many minutes on; one where the zone's clock is changed between."""
        to = at + minutes * _MINUTE
        same = at.astimezone(self._zone).utcoffset() == to.astimezone(self._zone).utcoffset()
        return to if same else at + _MINUTE

    def _day_fits(self, at: dt.datetime) -> bool:
        """Classic cron: with both fields given either may fit."""
        by_day, by_weekday = at.day in self._days, at.isoweekday() % 7 in self._weekdays
        return by_day or by_weekday if self._either else by_day and by_weekday

    def __str__(self) -> str:
        return f"{self.line} {self.timezone}".rstrip()


def between(schedule: Schedule, since: float, until: float) -> Iterator[float]:
    """The ticks after `since` and not after `until`, in their order."""
    while (since := schedule.after(since)) <= until:
        yield since


def zone_of(name: str) -> dt.tzinfo:
    """A time zone of the IANA database; UTC for "".  Raises `ValueError` for one it has not."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if name in ("", "UTC"):
        return dt.UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(
            f"{name!r} is no time zone of this machine's database; write it as "
            '"Europe/Berlin" (without any zone, install tzdata)'
        ) from error


def iso(moment: float) -> str:
    """A time as ISO 8601 writes it, in UTC and to the second.

    >>> iso(0.0)
    '1970-01-01T00:00:00Z'
    """
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


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
