"""What the embedded services do by themselves when its time comes, as a manual clock must know it.

A message becomes visible, a rule or a schedule fires, an item expires: ministack looks for these
every few seconds in threads of its own.  By a manual clock nobody looks in between: the clock asks
here when the next of them is due, stops there, and lets the thread look.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from types import ModuleType
from typing import Any

from . import services_time, services_zones
from .manual_clock import ManualClock

_MINUTE = 60.0
Due = tuple[float, Callable[[], None]]


def follow(clock: ManualClock) -> None:
    """Let `clock` stop where the services have something to do."""
    clock.moments.append(partial(_messages, clock))
    for thread, dues in _LOOKS.items():
        clock.moments.append(partial(_look, clock, thread, dues))


def _messages(clock: ManualClock) -> Due | None:
    """The next message that becomes visible: pollers look then."""
    sqs, now = _service("sqs"), clock.time()
    if sqs is None:
        return None
    due = min(
        (
            message["visible_at"]
            for _, queue in sqs._queues.all_items()
            for message in queue["messages"]
            if message.get("visible_at", 0.0) > now
        ),
        default=None,
    )
    return None if due is None else (due, clock.stir)


def _look(clock: ManualClock, thread: str, dues: Callable[[float], Iterator[float]]) -> Due | None:
    """The next time at which `thread` has something to do, when it sleeps."""
    wake, now = services_time.ticking(thread), clock.time()
    if wake is None:
        return None
    due = min(dues(now), default=None)
    if due is None:
        return None
    # What is overdue was looked at and left: a minute later it may be another matter.
    return (due if due > now else _next_minute(now)), wake


def _rules(now: float) -> Iterator[float]:
    """When EventBridge's rules fire next."""
    events = _service("eventbridge")
    for key, rule in events._rules.all_items() if events else ():
        if rule.get("State") == "ENABLED" and rule.get("ScheduleExpression"):
            fired = events._rule_last_fired.get(key)
            yield from _due(rule["ScheduleExpression"], fired, rule.get("CreationTime", now), now)


def _schedules(now: float) -> Iterator[float]:
    """When Scheduler's schedules fire next."""
    scheduler = _service("scheduler")
    if scheduler:
        services_zones.mark(scheduler._schedules)
    for key, schedule in scheduler._schedules.all_items() if scheduler else ():
        if schedule.get("State") != "ENABLED":
            continue
        expression = schedule.get("ScheduleExpression", "")
        fired = scheduler._schedule_last_fired.get(key)
        once = scheduler._at_time_epoch(expression)
        start = scheduler._to_epoch(schedule.get("StartDate")) or 0.0
        dues = _due(expression, fired, schedule.get("CreationDate", now), now)
        if once is not None:
            dues = iter(() if fired is not None else (float(once),))
        yield from (max(each, start) for each in dues)


def _expiries(now: float) -> Iterator[float]:
    """DynamoDB looks for expired items every minute, where a table asks for it."""
    dynamodb = _service("dynamodb")
    settings = dynamodb._ttl_settings.all_items() if dynamodb else ()
    if any(each.get("TimeToLiveStatus") == "ENABLED" for _, each in settings):
        yield _next_minute(now)


def _due(expression: str, fired: float | None, created: float, now: float) -> Iterator[float]:
    """When a rate() or cron() fires next, to the second; nothing for what is neither."""
    events = _service("eventbridge")
    assert events is not None
    interval = events._parse_rate_seconds(expression)
    if interval is not None:
        yield float(math.ceil((created if fired is None else fired) + interval))
    elif (fields := events._parse_cron_fields(expression)) is not None:
        if fired is None:  # it counts from the first look
            yield now + 1.0
        elif found := events._cron_next_fire(fields, datetime.fromtimestamp(fired, UTC)):
            yield float(found.timestamp())


def _next_minute(now: float) -> float:
    return (now // _MINUTE + 1) * _MINUTE


def _service(name: str) -> Any:
    """A module of the services, None while nobody has used it."""
    module: ModuleType | None = sys.modules.get(f"{services_time.PACKAGE}.services.{name}")
    return module


_LOOKS: dict[str, Callable[[float], Iterator[float]]] = {
    "eb-scheduler": _rules,
    "evb-scheduler-ticker": _schedules,
    "dynamodb-ttl-reaper": _expiries,
}
