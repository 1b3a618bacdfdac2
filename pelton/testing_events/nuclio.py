"""What Nuclio's triggers bring to a function."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlencode

from ..runtime.nuclio_shapes import Event, make_event
from .bodies import text_of


def nuclio_bridged(batch: Mapping[str, Any]) -> Event:
    """A batch of a broker's messages (`kafka`, `mqtt` …) as `pelton bridge` brings it on Nuclio.

    >>> from pelton.testing import redis
    >>> nuclio_bridged(redis("text")).body["Records"][0]["kind"]
    'redis'
    """
    return nuclio_http(batch, headers={"x-pelton-bridge": "1"})


def nuclio_nats(body: Any = b"", *, subject: str = "subject", jetstream: bool = False) -> Event:
    """A message as Nuclio's own NATS triggers deliver it: bytes, and the subject as its path.

    >>> nuclio_nats({"a": 1}, subject="orders").path
    b'orders'
    """
    return _message("natsjetstream" if jetstream else "nats", body, subject)


def nuclio_kafka(body: Any = b"", *, topic: str = "topic") -> Event:
    """A message as Nuclio's own Kafka trigger delivers it: bytes, and the topic as its path.

    >>> nuclio_kafka({"a": 1}, topic="orders").trigger.kind
    b'kafka-cluster'
    """
    return _message("kafka-cluster", body, topic, name="kafka")


def nuclio_mqtt(body: Any = b"", *, topic: str = "topic") -> Event:
    """A message as Nuclio's own MQTT trigger delivers it: bytes, and the topic as its path.

    >>> nuclio_mqtt({"a": 1}, topic="orders/new").path
    b'orders/new'
    """
    return _message("mqtt", body, topic)


def nuclio_rabbitmq(body: Any = b"", *, routing_key: str = "key", exchange: str = "") -> Event:
    """A message as Nuclio's own RabbitMQ trigger delivers it: bytes, and as its path the exchange
    and the routing key.

    >>> nuclio_rabbitmq({"a": 1}, routing_key="new", exchange="orders").path
    b'orders/new'
    """
    return _message("rabbitMq", body, f"{exchange}/{routing_key}", name="rabbitmq")


def _message(kind: str, body: Any, path: str, *, name: str = "") -> Event:
    """Bytes as they are, anything else as JSON, a text too."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return make_event(kind=kind, name=name or kind, body=content, path=path)


def nuclio_http(
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    decoded: bool = False,
) -> Event:
    """A request as Nuclio's wrapper hands it over: a JSON body parsed, the path without percent
    encoding, strings as bytes unless `decoded` (NUCLIO_PYTHON_DECODE_EVENT_STRINGS).

    >>> event = nuclio_http({"a": 1})
    >>> event.body, event.method
    ({'a': 1}, b'POST')
    """
    given = {"content-type": "application/json", **(headers or {})}
    content_type = next(v for name, v in given.items() if name.lower() == "content-type")
    raw = body if isinstance(body, bytes) else (text_of(body)[0] or "").encode()
    return make_event(
        kind="http",
        name="http",
        id=str(uuid.uuid4()),
        body=raw,
        content_type=content_type,
        headers=given,
        fields=query,
        method=method,
        path=unquote(path),
        url=f"{path}?{urlencode(query)}" if query else path,
        decoded=decoded,
    )


def nuclio_cron(body: str = "", *, name: str = "cron", decoded: bool = False) -> Event:
    """A tick of a cron trigger of Nuclio, with the body that its configuration gives.

    >>> nuclio_cron().trigger.kind
    b'cron'
    """
    return make_event(
        kind="cron", name=name, id=str(uuid.uuid4()), body=body.encode(), decoded=decoded
    )
