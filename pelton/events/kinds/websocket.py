"""Messages of a WebSocket server, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

from ...testing_events import websocket
from .broker import broker_kind

KIND = broker_kind(
    "websocket",
    "messages of a WebSocket server",
    lambda asked: websocket(
        *asked.bodies, url=asked.source or "wss://example.com/events", headers=asked.headers
    ),
    None,  # it is the server that sends
    takes=frozenset({"source", "headers"}),
)
