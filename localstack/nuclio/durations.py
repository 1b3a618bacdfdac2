"""Go's durations, as Nuclio's configuration has them."""

from __future__ import annotations

import re

UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")


def seconds(text: str) -> float:
    """A Go duration in seconds; raises ValueError for anything else.

    >>> seconds("1m30s"), seconds("250ms")
    (90.0, 0.25)
    """
    rest = PART.sub("", str(text))
    if rest or not text:
        raise ValueError(f"{text!r} is no duration: write it like 90s, 5m or 1h30m")
    return sum(float(number) * UNITS[unit] for number, unit in PART.findall(str(text)))
