"""The `rabbit-mq` trigger: a queue, one message after the other, with its topic exchange if asked.

Nuclio acknowledges what a worker has taken to its end, an error of the function included.  What
none could take it gives back, throws away or acknowledges, as `onError` says.  Here what is thrown
away does not come to the queue's dead letter exchange.  Source: Nuclio's public
docs/reference/triggers/rabbitmq.md and pkg/processor/trigger/rabbitmq (types, event).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from ....event_sources import Message, Rules, WrongSource
from ....event_sources.sources.rabbitmq import RabbitMQ
from .. import wire
from ..pool import Pool
from .base import Around
from .broker import BrokerTrigger, OnFailure, forgotten, handed_back, text_of

KIND = "rabbitMq"  # as events name it
# What a message is said to be, and is no header of Nuclio's event.
_SAID = (
    *("content-type", "content-encoding", "message-id", "correlation-id", "reply-to", "type"),
    "exchange",
)


def rabbitmq_trigger(
    name: str, settings: dict[str, Any], pool: Pool, around: Around
) -> BrokerTrigger:
    """`url`, `username`, `password`; `attributes`: queueName, exchangeName, topics, durableQueue,
    prefetchCount, onError, requeueOnError."""
    given: dict[str, Any] = settings.get("attributes") or {}
    return BrokerTrigger(
        name,
        "rabbit-mq",
        _source(name, settings, given),
        pool,
        around,
        event=_event_of(name),
        failing=_failing(name, given),
        rules=Rules(workers=1, in_flight=1000, ordered=False),
    )


def _source(name: str, settings: dict[str, Any], given: dict[str, Any]) -> RabbitMQ:
    try:
        return RabbitMQ(
            _url(text_of(settings, name, "url"), settings),
            queue=text_of(settings, name, "attributes", "queueName"),
            exchange=_exchange(name, given),
            binding=given.get("topics") or "#",
            make="classic",
            durable=bool(given.get("durableQueue")),
            prefetch=int(given.get("prefetchCount") or 0) or 1000,
        )
    except WrongSource as error:
        raise ValueError(f"trigger {name!r}: {error}") from None


def _event_of(name: str) -> Callable[[Message, float], dict[str, Any]]:
    def event(message: Message, now: float) -> dict[str, Any]:
        said = message.headers
        return wire.event(
            kind=KIND,
            name=name,
            body=message.body,
            content_type=said.get("content-type", ""),
            headers={key: value for key, value in said.items() if key not in _SAID},
            id=said.get("message-id", ""),
            method=said.get("type", ""),
            path=f"{said.get('exchange', '')}/{message.topic}",
            url=said.get("reply-to", ""),
            now=now if message.timestamp is None else message.timestamp,
        )

    return event


def _url(url: str, settings: dict[str, Any]) -> str:
    """With user and password, which may be said beside it."""
    told = urlsplit(url)
    user, password = settings.get("username"), settings.get("password")
    if told.username or not user:
        return url
    who = f"{quote(str(user), safe='')}:{quote(str(password or ''), safe='')}"
    return url.replace("://", f"://{who}@", 1)


def _exchange(name: str, given: dict[str, Any]) -> str:
    """Only with topics is there an exchange, and something bound to it."""
    topics = given.get("topics")
    if not topics:
        return ""
    if not isinstance(topics, list) or not all(isinstance(each, str) for each in topics):
        raise ValueError(f"trigger {name!r}: attributes.topics is a list of routing keys")
    exchange = given.get("exchangeName")
    if not exchange or not isinstance(exchange, str):
        raise ValueError(f"trigger {name!r} has topics and no attributes.exchangeName")
    return exchange


def _failing(name: str, given: dict[str, Any]) -> OnFailure:
    said = given.get("onError") or "nack"
    if said not in ("ack", "nack"):
        raise ValueError(f"trigger {name!r}: onError must be 'ack' or 'nack', not {said!r}")
    return handed_back if said == "nack" and given.get("requeueOnError") else forgotten
