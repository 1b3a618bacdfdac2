"""Schedules of EventBridge Scheduler by the clock of their time zone, which ministack reads as UTC.

An expression that has a zone is marked with it, and what ministack asks of an expression (its
fields, the next time that they name, an `at()`) is answered by that zone's wall clock: a time that
a change of the clock leaves out is skipped, one that comes twice fires the first time.
Source: EventBridge Scheduler's user guide, "Schedule types", on time zones and daylight saving.
Called by `services_time` when the modules are loaded; `services_moments` marks as well.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from types import ModuleType
from typing import Any

from ..event_sources.schedule import zone_of


class _Zoned(str):
    """An expression that is meant in a zone."""

    zone: tzinfo


class _Fields(tuple[Any, ...]):
    """The fields of such an expression."""

    zone: tzinfo


def mark(schedules: Any) -> None:
    """Mark the expressions of all schedules that are meant in a zone; an unknown zone is UTC."""
    for schedule in list(schedules._data.values()):
        name, said = schedule.get("ScheduleExpressionTimezone"), schedule.get("ScheduleExpression")
        if name in (None, "UTC") or isinstance(said, _Zoned) or not isinstance(said, str):
            continue
        try:
            zone = zone_of(name)
        except ValueError:
            continue
        schedule["ScheduleExpression"] = _with_zone(_Zoned(said), zone)


def fit(module: ModuleType) -> None:
    """Let a module of ministack that has just been loaded know of zones."""
    name = module.__name__.rpartition(".")[2]
    if name == "eventbridge":
        _fit(module, "_parse_cron_fields", _parse)
        _fit(module, "_cron_next_fire", _next_fire)
    elif name == "scheduler":
        _fit(module, "_at_time_epoch", _at)
        schedules = vars(module)["_schedules"]
        _fit(module, "_tick_schedules", lambda tick: _marked(schedules, tick))


def _fit(module: ModuleType, name: str, make: Callable[[Any], Any]) -> None:
    setattr(module, name, make(getattr(module, name)))


def _marked(schedules: Any, tick: Callable[[], None]) -> Callable[[], None]:
    def in_zones() -> None:
        mark(schedules)
        tick()

    return in_zones


def _parse(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def in_zone(expression: str) -> Any:
        found = parse(expression)
        if found is None or not isinstance(expression, _Zoned):
            return found
        return _with_zone(_Fields(found), expression.zone)

    return in_zone


def _next_fire(walk: Callable[[Any, datetime], datetime | None]) -> Callable[..., datetime | None]:
    def in_zone(fields: Any, after: datetime) -> datetime | None:
        if not isinstance(fields, _Fields):
            return walk(fields, after)
        wall: datetime | None = after.astimezone(fields.zone).replace(tzinfo=UTC, fold=0)
        while wall is not None and (wall := walk(fields, wall)) is not None:
            at = _real(wall, fields.zone)
            if at is not None and at > after:
                return at
        return None

    return in_zone


def _real(wall: datetime, zone: tzinfo) -> datetime | None:
    """When a clock on the wall there shows that; None where a change leaves it out."""
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    return at if at.astimezone(zone).replace(tzinfo=UTC, fold=0) == wall else None


def _at(read: Callable[[str], float | None]) -> Callable[[str], float | None]:
    def in_zone(expression: str) -> float | None:
        found = read(expression)
        if found is None or not isinstance(expression, _Zoned):
            return found
        return datetime.fromtimestamp(found, UTC).replace(tzinfo=expression.zone).timestamp()

    return in_zone


def _with_zone(made: Any, zone: tzinfo) -> Any:
    made.zone = zone
    return made
