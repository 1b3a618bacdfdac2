"""Messages of a RabbitMQ queue, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

from ...testing_events import rabbitmq
from .base import Kind

KIND = Kind(
    "rabbitmq",
    "messages of a RabbitMQ queue, as a bridge brings them, in one batch",
    lambda asked: rabbitmq(*asked.bodies, queue=asked.source or "queue", key=asked.key),
    takes=frozenset({"source", "key"}),
    batches=True,
)
