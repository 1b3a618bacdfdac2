"""A CloudEvent in a request, as a function URL or an HTTP API delivers it."""

from __future__ import annotations

from typing import Any

from ...testing_events import cloudevent
from .base import Asked, CannotMake, Kind

MEMBERS = {
    "type": "of the event",
    "id": "of the event",
    "subject": "of the event",
    "mode": "structured, binary or batched",
}


def _make(asked: Asked) -> dict[str, Any]:
    said = {"source": asked.source or "/test", "path": asked.path, **asked.members}
    try:
        return cloudevent(*asked.bodies, **said)
    except ValueError as error:
        raise CannotMake(f"cloudevents: {error}") from error


KIND = Kind(
    "cloudevents",
    "a CloudEvent in a request",
    _make,
    takes=frozenset({"source", "path"}),
    members=MEMBERS,
    batches=True,
)
