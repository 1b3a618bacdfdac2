"""An event of a bus, as EventBridge pushes it to a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ...testing_events import eventbridge
from .base import Asked, CannotMake, Kind, many

_SOURCE, _TYPE = "test", "Test"


def _detail(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise CannotMake(f"an event's detail is a JSON object, not {body!r}")
    return body


def _make(asked: Asked) -> dict[str, Any]:
    source = asked.members.get("source", _SOURCE)
    kind = asked.members.get("detail-type", _TYPE)
    return eventbridge(_detail(asked.body), source=source, detail_type=kind)


def _send(client: Callable[[str], Any], asked: Asked) -> str:
    entries = [
        {
            "Source": asked.members.get("source", _SOURCE),
            "DetailType": asked.members.get("detail-type", _TYPE),
            "Detail": json.dumps(_detail(body)),
            "EventBusName": asked.source or "default",
        }
        for body in asked.bodies or ({},)
    ]
    for each in entries:
        answer = client("events").put_events(Entries=[each])
        if answer.get("FailedEntryCount"):
            raise CannotMake(f"the bus did not take an event: {answer['Entries'][0]}")
    return f"{many(len(entries), 'event')} to bus {asked.source or 'default'}"


KIND = Kind(
    "eventbridge",
    "an event of a bus",
    _make,
    takes=frozenset({"source"}),
    members={"source": "who tells it", "detail-type": "what it is"},
    send=_send,
)
