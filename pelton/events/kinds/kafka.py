"""Messages of a Kafka topic, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

from typing import Any

from ...testing_events import kafka
from .base import Asked, CannotMake, as_bytes
from .broker import broker_kind, sent, told

_ANSWER = 10.0  # seconds for the brokers to take all


def _publish(url: str, asked: Asked) -> str:
    with told("kafka", "kafka"):
        refused = _say(url, asked)
    if refused:
        raise CannotMake(f"kafka at {url}: topic {asked.source!r}: {refused[0]}")
    return sent(asked, "topic")


def _say(url: str, asked: Asked) -> list[str]:
    """Why not, of those that were not taken."""
    from confluent_kafka import KafkaException, Producer

    refused = list[str]()

    def answered(error: Any, message: Any) -> None:
        if error is not None:
            refused.append(str(error.str()))

    settings: dict[str, Any] = {"bootstrap.servers": url, "message.timeout.ms": _ANSWER * 1000}
    producer = Producer({**settings, "log_level": 0})
    for body in map(as_bytes, asked.bodies):
        key, headers = asked.key or None, list[tuple[str, Any]](asked.headers.items())
        try:
            producer.produce(asked.source, body, key=key, headers=headers, callback=answered)
        except KafkaException as error:
            return [str(error.args[0].str())]
        except BufferError as error:
            return [str(error)]
    left = producer.flush(_ANSWER * 2)
    return [_why(producer, asked.source, refused)] if refused or left else []


def _why(producer: Any, topic: str, refused: list[str]) -> str:
    """What the brokers say that they have; a message's own error is that it took too long."""
    from confluent_kafka import KafkaException

    from ...event_sources.sources.kafka_connection import missing

    try:
        said = missing(producer, topic)
    except KafkaException:
        return "no broker answers there, or not without TLS and a password"
    return said or (refused[0] if refused else "not all messages were taken in time")


KIND = broker_kind(
    "kafka",
    "messages of a Kafka topic",
    lambda asked: kafka(
        *asked.bodies, topic=asked.source or "topic", key=asked.key, headers=asked.headers
    ),
    _publish,
    url="HOST:9092",
)
