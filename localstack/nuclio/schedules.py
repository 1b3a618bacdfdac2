"""Schedules of Nuclio's cron trigger: what the line of its attribute `schedule` means.

Five fields are minute, hour, day, month and weekday; a sixth, in front, is the second, and is taken
for 0 where it is `*`.  `@hourly` and the like, `@every 5m`, and a zone in front (`TZ=Europe/Rome`)
are read too.  Days and weekdays that are both given are either; `?` is `*`; Sunday is 0, and 7 is
refused.

Sources: `parseEncodedSchedule` of Nuclio's public pkg/processor/trigger/cron/trigger.go, a parser
of robfig/cron v3 with `SecondOptional` and `Descriptor`.  (Older Nuclios took the first of five
fields for the second, then refused five: issue 1146 and pull request 1176 of its repository.)
Where a zone changes its clock, ticks are those of `event_sources.schedule`.
"""

from __future__ import annotations

from bisect import bisect_right

from ...event_sources.schedule import Crontab
from .durations import seconds

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAYS = "sun mon tue wed thu fri sat".split()
NAMES: tuple[dict[str, int], ...] = (
    {},
    {},
    {},
    {},
    {name: number for number, name in enumerate(MONTHS, 1)},
    {name: number for number, name in enumerate(WEEKDAYS)},
)
BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
DESCRIBED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "


class Scheduled:
    """When a line ticks.  Raises `ValueError` for one that Nuclio does not read.

    >>> Scheduled("30 4 * * *").after(0.0) == Scheduled("0 30 4 * * *").after(0.0) == 16200
    True
    >>> Scheduled("*/20 * * * * *").after(0.5), Scheduled("@every 90s").after(0.5)
    (20.0, 90.0)
    """

    def __init__(self, line: str) -> None:
        self._line = line
        words = line.split(" ")
        if len(words) > 5 and words[0] == "*":
            words[0] = "0"
        said, zone = _zoned(" ".join(words).strip())
        self._every = 0
        if said.startswith(_EVERY):
            self._every = max(1, int(seconds(said.removeprefix(_EVERY))))
            return
        fields = DESCRIBED.get(said, said).split()
        if len(fields) not in (5, 6):
            what = "is none of the known ones" if said[:1] == "@" else "does not have 5 or 6 fields"
            raise ValueError(f"cron schedule {line!r} {what}")
        fields = ["0"] * (6 - len(fields)) + fields
        second, *others = (self._written(place, field) for place, field in enumerate(fields))
        self._seconds = list(range(60)) if second == "*" else sorted(map(int, second.split(",")))
        self._minutes = Crontab(" ".join(others), zone)

    def after(self, moment: float) -> float:
        """The first tick after `moment`, in seconds since the epoch.  Raises `ValueError` where
        none comes within five years."""
        if self._every:
            return float(moment // 1 + self._every)
        start = self._minutes.after(moment // 60 * 60 - 1)
        place = bisect_right(self._seconds, moment - start)
        if place == len(self._seconds):
            start, place = self._minutes.after(start), 0
        return start + self._seconds[place]

    def _written(self, place: int, field: str) -> str:
        """A field as numbers; `*` where it stands for all of them."""
        values: set[int] = set()
        for part in filter(None, field.split(",")):
            low, high, step = self._range(place, part)
            if step == 1 and part[0] in "*?":
                return "*"
            values |= set(range(low, high + 1, step))
        if not values:
            raise ValueError(f"cron schedule {self._line!r}: the field {field!r} names no time")
        return ",".join(map(str, sorted(values)))

    def _range(self, place: int, part: str) -> tuple[int, int, int]:
        least, most = BOUNDS[place]
        span, slash, step = part.partition("/")
        low, hyphen, high = span.partition("-")
        if low in ("*", "?"):
            first, last = least, most
        else:
            first = self._number(place, low, part)
            last = self._number(place, high, part) if hyphen else most if slash else first
        by = self._number(0, step, part) if slash else 1
        if not least <= first <= last <= most or by < 1:
            raise ValueError(f"cron schedule {self._line!r}: {part!r} is not {least} to {most}")
        return first, last, by

    def _number(self, place: int, text: str, part: str) -> int:
        known = NAMES[place].get(text.lower())
        if known is None and not (text.isascii() and text.isdigit()):
            raise ValueError(f"cron schedule {self._line!r}: {part!r} is no number or range")
        return int(text) if known is None else known


def _zoned(line: str) -> tuple[str, str]:
    """A line without the zone in front of it, and the zone.

    >>> _zoned("CRON_TZ=Asia/Tokyo 0 6 * * *")
    ('0 6 * * *', 'Asia/Tokyo')
    """
    if not line.startswith(("TZ=", "CRON_TZ=")):
        return line, ""
    zone, _, rest = line.partition(" ")
    return rest.strip(), zone.partition("=")[2]
