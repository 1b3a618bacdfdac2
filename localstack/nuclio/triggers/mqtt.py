"""The `mqtt` trigger: topics of a broker, by MQTT 3.1.1, one message after the other.

Nuclio's connects with a session that ends with the connection: nothing is kept while it is away.
It acknowledges what a worker has been given, whatever became of it.  Source: Nuclio's public
pkg/processor/trigger/mqtt (types, trigger, event), and the defaults of its client, paho for Go.
"""

from __future__ import annotations

from typing import Any

from ....event_sources import Message, Rules, WrongSource
from ....event_sources.sources.mqtt import Mqtt
from .. import wire
from ..pool import Pool
from .base import Around
from .broker import BrokerTrigger, forgotten, text_of

VERSIONS = ("", "0", "4")  # paho for Go: 4 is 3.1.1, and what it takes where nothing is said


def mqtt_trigger(name: str, settings: dict[str, Any], pool: Pool, around: Around) -> BrokerTrigger:
    """`url`, `username`, `password`, `attributes.subscriptions`, `attributes.clientID`."""
    given: dict[str, Any] = settings.get("attributes") or {}
    if str(given.get("protocolVersion") or "") not in VERSIONS:
        raise ValueError(f"trigger {name!r}: protocolVersion must be 4, MQTT 3.1.1")
    try:
        source = Mqtt(
            text_of(settings, name, "url"),
            topic=_subscriptions(name, given),
            client_id=str(given.get("clientID") or ""),
            version="3.1.1",
            clean=True,
            user=str(settings.get("username") or ""),
            password=str(settings.get("password") or ""),
        )
    except WrongSource as error:
        raise ValueError(f"trigger {name!r}: {error}") from None

    def event(message: Message, now: float) -> dict[str, Any]:
        topic = message.topic
        return wire.event(
            kind="mqtt", name=name, body=message.body, path=topic, url=topic, topic=topic, now=now
        )

    rules = Rules(workers=1, in_flight=1000, ordered=False)
    return BrokerTrigger(
        name, "mqtt", source, pool, around, event=event, failing=forgotten, rules=rules
    )


def _subscriptions(name: str, given: dict[str, Any]) -> dict[str, int]:
    found = given.get("subscriptions")
    if not isinstance(found, list) or not found:
        raise ValueError(f"trigger {name!r} has no attributes.subscriptions, a list of topics")
    made: dict[str, int] = {}
    for each in found:
        topic, qos = (each.get("topic"), each.get("qos", 0)) if isinstance(each, dict) else ("", 0)
        if not isinstance(topic, str) or not topic or not isinstance(qos, int):
            raise ValueError(f"trigger {name!r}: a subscription is a topic and a qos, not {each!r}")
        made[topic] = qos
    return made
