"""Messages of a WebSocket server, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

from ...testing_events import websocket
from .base import Kind

KIND = Kind(
    "websocket",
    "messages of a WebSocket server, as a bridge brings them, in one batch",
    lambda asked: websocket(*asked.bodies, url=asked.source or "wss://example.com/events"),
    takes=frozenset({"source"}),
    batches=True,
)
