"""Messages of a RabbitMQ queue, as Lambda's own mapping of Amazon MQ brings them: in one batch."""

from __future__ import annotations

from ...testing_events import amazon_mq
from .base import Kind

KIND = Kind(
    "amazon-mq",
    "messages of a RabbitMQ broker of Amazon MQ, as Lambda's mapping brings them, in one batch",
    lambda asked: amazon_mq(*asked.bodies, queue=asked.source or "queue", headers=asked.headers),
    takes=frozenset({"source", "headers"}),
    batches=True,
)
