"""Cron: one neutral form, lowered to each platform's own."""

from __future__ import annotations

from typing import ClassVar

from ..checks import placed, text
from ..errors import WrongUse
from .base import Trigger

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Field name, least and most value of the five classic cron fields.
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
# Names are not taken: platforms number weekdays differently, and a number is lowered to each.
NAMES = {
    "month": "write months as 1 to 12",
    "weekday": "write weekdays as 0 (Sunday) to 6 (Saturday)",
}


class Cron(Trigger):
    """See `cron`.  Exactly one of `every_s` (seconds) and `schedule` is set."""

    kind: ClassVar[str] = "cron"

    every_s: int = 0
    schedule: str = ""
    timezone: str = ""


@placed
def cron(*, every: str = "", schedule: str = "", timezone: str = "") -> Cron:
    """Run the function at times: `every="5m" | "1h" | "1d"`, or a five-field `schedule`.

    timezone: in which a schedule is meant, as "Europe/Berlin", summer time and all; "" for UTC.
              It is for Lambda, by EventBridge Scheduler.

    Seconds (`every="90s"`) are for Nuclio; Lambda counts in whole minutes, and a plan says so.

    >>> cron(every="1h").every_s
    3600
    >>> cron(schedule="61 * * * *")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pelton.handlers.errors.WrongUse: ...:1: cron minute '61' is outside 0 to 59
    """
    text("cron every", every)
    text("cron schedule", schedule)
    _check_zone(timezone, schedule)
    if bool(every) == bool(schedule):
        raise WrongUse("cron() takes one of every= and schedule=", advice='say cron(every="1h")')
    if every:
        return Cron(every_s=_seconds(every))
    _check_schedule(schedule)
    return Cron(schedule=" ".join(schedule.split()), timezone=timezone)


def _check_zone(timezone: str, schedule: str) -> None:
    text("cron timezone", timezone)
    if timezone and not schedule:
        raise WrongUse("cron timezone= is for schedule=", advice="every= has no time of day")
    if timezone and ("/" not in timezone or " " in timezone) and timezone != "UTC":
        raise WrongUse(
            f"cron timezone={timezone!r} is no zone's name", advice='say "Europe/Berlin"'
        )


def _seconds(every: str) -> int:
    number, unit = every[:-1], every[-1:]
    if unit not in UNITS or not number.isdigit() or int(number) < 1:
        raise WrongUse(
            f"cron every={every!r} is no time", advice='use a whole number and s, m, h or d: "15m"'
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
