"""The NATS triggers: `nats` for subjects that are pushed, `natsjetstream` for a stream's consumer.

Nuclio's own forgets a message of `nats` whatever becomes of its event; of `natsjetstream` it
acknowledges what a worker has taken to its end, an error of the function included, and gives back
what none could take.  Source: Nuclio's public pkg/processor/trigger/nats (core, jetstream).
"""

from __future__ import annotations

from typing import Any

from ....event_sources import Message
from ....event_sources.sources.jetstream import JetStream
from ....event_sources.sources.nats import Nats
from .. import wire
from ..pool import Pool
from .base import Around
from .broker import BrokerTrigger, forgotten, handed_back, text_of


def nats_trigger(name: str, settings: dict[str, Any], pool: Pool, around: Around) -> BrokerTrigger:
    """`url`, `attributes.topic`, `attributes.queueName`."""
    subject = text_of(settings, name, "attributes", "topic")
    queue = str((settings.get("attributes") or {}).get("queueName") or f"pelton-{name}")
    source = Nats(_url(settings, name), subject=subject, queue=queue)
    return _made(name, "nats", source, pool, around)


def jetstream_trigger(
    name: str, settings: dict[str, Any], pool: Pool, around: Around
) -> BrokerTrigger:
    """`url`, `attributes.stream`, `attributes.consumer`."""
    stream = text_of(settings, name, "attributes", "stream")
    consumer = text_of(settings, name, "attributes", "consumer")
    source = JetStream(_url(settings, name), stream=stream, durable=consumer, make=False)
    return _made(name, "natsjetstream", source, pool, around)


def _made(
    name: str, kind: str, source: Nats | JetStream, pool: Pool, around: Around
) -> BrokerTrigger:
    def event(message: Message, now: float) -> dict[str, Any]:
        return wire.event(
            kind=kind,
            name=name,
            body=message.body,
            headers=dict(message.headers),
            path=message.topic,
            now=now,
        )

    failing = forgotten if kind == "nats" else handed_back
    return BrokerTrigger(name, kind, source, pool, around, event=event, failing=failing)


def _url(settings: dict[str, Any], name: str) -> str:
    url = text_of(settings, name, "url")
    if not url.startswith("nats://"):
        raise ValueError(f"trigger {name!r}: url {url!r} does not begin with 'nats://'")
    return url
