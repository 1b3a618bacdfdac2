"""What a client of a WebSocket API does, as API Gateway tells a function of it."""

from __future__ import annotations

from typing import Any

from ...testing_events import websocket_api
from .base import Asked, CannotMake, Kind

_EVENTS = ("MESSAGE", "CONNECT", "DISCONNECT")


def _make(asked: Asked) -> dict[str, Any]:
    event = asked.members.get("event", _EVENTS[0]).upper()
    if event not in _EVENTS:
        raise CannotMake(f"event={event!r} is none of {', '.join(_EVENTS)}")
    return websocket_api(
        asked.body,
        event=event,
        route=asked.members.get("route", ""),
        connection=asked.members.get("connection", ""),
        headers=asked.headers,
        query=asked.query,
    )


KIND = Kind(
    "websocket-api",
    "what a client of a WebSocket API does: it connects, sends a message, leaves",
    _make,
    takes=frozenset({"headers", "query"}),
    members={
        "event": ", ".join(_EVENTS),
        "route": "join, $default, …",
        "connection": "the connection's id",
    },
)
