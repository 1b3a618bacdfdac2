"""Batches as a bridge sends them, of each kind of source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .bodies import bytes_of


def nats(
    *bodies: Any, subject: str = "subject", key: str = "", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A batch of messages of a NATS subject as `pelton bridge` delivers it, ids "0", "1", …

    >>> nats({"a": 1}, subject="orders.new")["Records"][0]["topic"]
    'orders.new'
    """
    return _bridged("nats", subject, bodies, key, headers)


def kafka(
    *bodies: Any, topic: str = "topic", key: str = "", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A batch of messages of a Kafka topic as `pelton bridge` delivers it, ids "0", "1", …

    >>> kafka({"a": 1}, topic="orders", key="k")["Records"][0]["topic"]
    'orders'
    """
    return _bridged("kafka", topic, bodies, key, headers)


def mqtt(
    *bodies: Any, topic: str = "topic", key: str = "", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A batch of messages of an MQTT topic as `pelton bridge` delivers it, ids "0", "1", …

    >>> mqtt({"a": 1}, topic="orders/new")["Records"][0]["topic"]
    'orders/new'
    """
    return _bridged("mqtt", topic, bodies, key, headers)


def rabbitmq(
    *bodies: Any, queue: str = "queue", key: str = "", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A batch of messages of a RabbitMQ queue as `pelton bridge` delivers it, ids "0", "1", …

    >>> rabbitmq({"a": 1}, queue="orders")["Records"][0]["topic"]
    'orders'
    """
    return _bridged("rabbitmq", queue, bodies, key, headers)


def postgres(*bodies: Any, channel: str = "channel") -> dict[str, Any]:
    """A batch of notifications of a PostgreSQL channel as `pelton bridge` delivers it, ids "0",
    "1", …

    >>> postgres({"a": 1}, channel="orders")["Records"][0]["topic"]
    'orders'
    """
    return _bridged("postgres", channel, bodies, "")


def redis(
    *bodies: Any, stream: str = "stream", key: str = "", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A batch of entries of a Redis stream as `pelton bridge` delivers it, ids "0", "1", …

    >>> redis("text", key="k")["Records"][0]["key"]
    'k'
    """
    return _bridged("redis", stream, bodies, key, headers)


def websocket(
    *bodies: Any, url: str = "wss://example.com/events", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A batch of messages of a WebSocket server as `pelton bridge` delivers it, ids "0", "1", …

    >>> websocket({"a": 1}, url="wss://example.com/trades")["Records"][0]["topic"]
    'wss://example.com/trades'
    """
    return _bridged("websocket", url, bodies, "", headers)


def directory(*bodies: Any, path: str = "inbox", name: str = "file") -> dict[str, Any]:
    """A batch of files as `pelton bridge` delivers it, ids "0", "1", … and all of one name.

    >>> directory(b"1,2", name="a.csv")["Records"][0]["body"]
    '1,2'
    """
    return _bridged("directory", path, bodies, name)


def source(
    *bodies: Any,
    place: str = "lines:Lines",
    key: str = "",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A batch of messages of a source of your own as `pelton bridge` delivers it, ids "0", "1", …

    >>> source({"a": 1}, place="lines:Lines")["Records"][0]["kind"]
    'source'
    """
    return _bridged("source", place, bodies, key, headers)


def bridged_cron(*times: str, name: str = "schedule") -> dict[str, Any]:
    """Ticks that were due at these times, as `pelton bridge` delivers them.

    >>> bridged_cron("2026-01-01T06:00:00Z")["Records"][0]["position"]
    '2026-01-01T06:00:00Z'
    """
    found = _bridged("cron", name, tuple({} for _ in times), "")
    for record, time in zip(found["Records"], times, strict=True):
        due = datetime.fromisoformat(time).timestamp()
        record |= {"messageId": f"{name}@{time}", "position": time, "lane": name, "timestamp": due}
    return found


def _bridged(
    kind: str,
    source: str,
    bodies: tuple[Any, ...],
    key: str,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    from ..runtime.bridged import record

    return {
        "Records": [
            record(
                kind,
                source,
                str(n),
                bytes_of(body),
                topic=source,
                key=key,
                lane=key,
                headers=headers,
            )
            for n, body in enumerate(bodies)
        ]
    }
