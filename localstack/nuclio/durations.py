"""Go's durations, as Nuclio's configuration has them."""

from __future__ import annotations

import re

UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
PART = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|ns)", re.ASCII)


def seconds(text: object, what: str = "") -> float:
    """A Go duration in seconds; raises ValueError for anything else, and for one below nothing.

    what: the setting, which the error then names

    >>> seconds("1m30s"), seconds("250ms"), seconds("0")
    (90.0, 0.25, 0.0)
    >>> seconds("soon", "eventTimeout")
    Traceback (most recent call last):
    ValueError: eventTimeout: 'soon' is no duration: write it like 90s, 5m or 1h30m
    """
    told = str(text)
    digits = told.removeprefix("+")
    if digits == "0":
        return 0.0
    if not digits or PART.sub("", digits):
        named = f"{what}: " if what else ""
        raise ValueError(f"{named}{told!r} is no duration: write it like 90s, 5m or 1h30m")
    return sum(float(number) * UNITS[unit] for number, unit in PART.findall(digits))
