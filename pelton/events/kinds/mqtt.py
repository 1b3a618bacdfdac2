"""Messages of an MQTT topic, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

from ...testing_events import mqtt
from .base import Kind

KIND = Kind(
    "mqtt",
    "messages of an MQTT topic, as a bridge brings them, in one batch",
    lambda asked: mqtt(*asked.bodies, topic=asked.source or "topic", key=asked.key),
    takes=frozenset({"source", "key"}),
    batches=True,
)
