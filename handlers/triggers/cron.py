"""Cron: one neutral form, lowered to each platform's own."""

from __future__ import annotations

from typing import ClassVar

from ..checks import placed, text
from ..errors import WrongUse
from .base import Trigger

MISSED = ("skip", "last", "all")
STORES = ("sqlite", "redis", "rediss", "unix", "dynamodb")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Field name, least and most value of the five classic cron fields.
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
# Names are not taken: platforms number weekdays differently, and a number is lowered to each.
NAMES = {
    "month": "write months as 1 to 12",
    "weekday": "write weekdays as 0 (Sunday) to 6 (Saturday)",
}


class Cron(Trigger):
    """See `cron`.  Exactly one of `every_s` (seconds) and `schedule` is set; `max_age_s` is in
    seconds, 0 for what is usual."""

    kind: ClassVar[str] = "cron"

    every_s: int = 0
    schedule: str = ""
    timezone: str = ""
    missed: str = ""
    max_age_s: int = 0
    store: str = ""

    def __post_init__(self) -> None:
        # Of this kind some are and some are not, by what they ask for.
        self.__dict__["bridged"] = bool(self.store) or self.timezone not in ("", "UTC")

    @property
    def said(self) -> str:
        """When it ticks, in words."""
        return f"{self.schedule} {self.timezone}".rstrip() or f"every {self.every_s}s"


@placed
def cron(
    *,
    every: str = "",
    schedule: str = "",
    timezone: str = "",
    missed: str = "",
    max_age: str = "",
    store: str = "",
) -> Cron:
    """Run the function at times: `every="5m" | "1h" | "1d"`, or a five-field `schedule`.

    timezone: in which a schedule is meant, as "Europe/Berlin", summer time and all; "" for UTC.
              On Lambda EventBridge Scheduler reads it, for Nuclio `pelton bridge`
    store:    where it is kept how far the schedule has come, so that each tick runs once, over
              replicas and restarts: "sqlite:///PATH", "redis://HOST:6379/0", "dynamodb://TABLE".
              `pelton bridge` reads the clock then, on both platforms
    missed:   with a store: of ticks that fell while no bridge ran, "skip" them (the default), make
              up for the "last" of them, or for "all"
    max_age:  after which a missed tick is made up for no more: "6h"; a day by default

    Seconds (`every="90s"`) are for Nuclio; Lambda counts in whole minutes, and a plan says so.

    >>> cron(every="1h").every_s
    3600
    >>> cron(schedule="61 * * * *")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pelton.handlers.errors.WrongUse: ...:1: cron minute '61' is outside 0 to 59
    """
    for name, value in {"every": every, "schedule": schedule, "max_age": max_age}.items():
        text(f"cron {name}", value)
    _check_zone(timezone, schedule)
    _check_missed(missed, max_age, store)
    if bool(every) == bool(schedule):
        raise WrongUse("cron() takes one of every= and schedule=", advice='say cron(every="1h")')
    age = _seconds(max_age, "max_age") if max_age else 0
    if every:
        return Cron(_seconds(every, "every"), missed=missed, max_age_s=age, store=store)
    _check_schedule(schedule)
    return Cron(0, " ".join(schedule.split()), timezone, missed, age, store)


def _check_missed(missed: str, max_age: str, store: str) -> None:
    text("cron store", store)
    if missed not in ("", *MISSED):
        raise WrongUse(f"cron missed={missed!r} is none of {', '.join(MISSED)}")
    if store and store.partition("://")[0] not in STORES:
        raise WrongUse(
            f"cron store={store!r} is no store's address",
            advice='say "sqlite:///PATH", "redis://HOST:6379/0" or "dynamodb://TABLE"',
        )
    if missed and not store:
        raise WrongUse(
            f"cron missed={missed!r} needs store=",
            advice="what was missed is known only where it is kept how far the schedule has come",
        )
    if max_age and missed not in ("last", "all"):
        raise WrongUse("cron max_age= is for missed=", advice='say missed="last" or missed="all"')


def _check_zone(timezone: str, schedule: str) -> None:
    text("cron timezone", timezone)
    if timezone and not schedule:
        raise WrongUse("cron timezone= is for schedule=", advice="every= has no time of day")
    if timezone and ("/" not in timezone or " " in timezone) and timezone != "UTC":
        raise WrongUse(
            f"cron timezone={timezone!r} is no zone's name", advice='say "Europe/Berlin"'
        )


def _seconds(said: str, name: str) -> int:
    number, unit = said[:-1], said[-1:]
    if unit not in UNITS or not number.isdigit() or int(number) < 1:
        raise WrongUse(
            f"cron {name}={said!r} is no time", advice='use a whole number and s, m, h or d: "15m"'
        )
    return int(number) * UNITS[unit]


def _check_schedule(schedule: str) -> None:
    words = schedule.split()
    if len(words) != len(FIELDS):
        raise WrongUse(
            f"cron schedule {schedule!r} has {len(words)} fields",
            advice="use five: minute hour day month weekday",
        )
    for word, (name, least, most) in zip(words, FIELDS, strict=True):
        for part in word.split(","):
            _check_part(part, name, least, most)


def _check_part(part: str, name: str, least: int, most: int) -> None:
    span, _, step = part.partition("/")
    if step and not (step.isdigit() and int(step) > 0):
        raise WrongUse(f"cron {name} {part!r} has no whole step")
    if span == "*":
        return
    bounds = span.split("-", 1)
    for bound in bounds:
        if not bound.isdigit():
            raise WrongUse(
                f"cron {name} {part!r} is no number, range or *",
                advice=NAMES.get(name, ""),
            )
        if not least <= int(bound) <= most:
            raise WrongUse(f"cron {name} {bound!r} is outside {least} to {most}")
    if int(bounds[0]) > int(bounds[-1]):
        raise WrongUse(f"cron {name} {part!r} ends before it begins")
