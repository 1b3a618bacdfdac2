"""`cron` in EventBridge's words.  Knows the neutral form and nothing of any server.

Neutral: seconds or a five-field crontab line.  EventBridge: `rate(5 minutes)` or a six-field
`cron(...)`, where exactly one of day-of-month and day-of-week is `?`.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

_RATES = ((86400, "day"), (3600, "hour"), (60, "minute"))
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def rate(seconds: int) -> str:
    """An interval as EventBridge's `rate`.

    Raises `ValueError` for what EventBridge cannot do: less than a minute, parts of a minute.

    >>> rate(3600), rate(5400), rate(120)
    ('rate(1 hour)', 'rate(90 minutes)', 'rate(2 minutes)')
    """
    if seconds < 60 or seconds % 60:
        raise ValueError(
            f"cron every {seconds} s: EventBridge counts in whole minutes; give a multiple of "
            '"1m", or deploy the function with --on nuclio'
        )
    size, unit = next(pair for pair in _RATES if seconds % pair[0] == 0)
    count = seconds // size
    return f"rate({count} {unit}{'' if count == 1 else 's'})"


def eventbridge_cron(schedule: str) -> str:
    """A five-field crontab line as EventBridge's `cron`.

    Raises `ValueError` for another number of fields, and where both days are restricted
    (crontab means either, EventBridge cannot say that).

    >>> eventbridge_cron("*/5 * * * *"), eventbridge_cron("0 6 * * 1-5")
    ('cron(*/5 * * * ? *)', 'cron(0 6 ? * MON-FRI *)')
    """
    fields = schedule.split()
    if len(fields) != 5:
        raise ValueError(f"schedule={schedule!r} has {len(fields)} fields, a crontab line has 5")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        raise ValueError(f"schedule={schedule!r} restricts day and weekday; EventBridge takes one")
    if weekday == "*":
        return f"cron({minute} {hour} {day} {month} ? *)"
    return f"cron({minute} {hour} ? {month} {_named_weekdays(weekday)} *)"


def _named_weekdays(field: str) -> str:
    """Crontab counts days from Sunday=0, EventBridge from Sunday=1: names mean one thing."""
    parts = []
    for part in field.split(","):
        days, slash, step = part.partition("/")
        parts.append("-".join(map(_weekday, days.split("-"))) + slash + step)
    return ",".join(parts)


def _weekday(name: str) -> str:
    return _WEEKDAYS[int(name)] if name.isdigit() and int(name) < 8 else name.upper()
