"""A tick of the clock, as EventBridge delivers it."""

from __future__ import annotations

from typing import Any

from ...testing_events import cron
from .base import Asked, CannotMake, Kind


def _make(asked: Asked) -> dict[str, Any]:
    if asked.body is not None and not isinstance(asked.body, dict):
        raise CannotMake(f"a tick's detail is a JSON object, not {asked.body!r}")
    return cron(asked.body)


KIND = Kind("cron", "a tick of a schedule", _make)
