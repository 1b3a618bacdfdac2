"""Messages of an MQTT topic, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

from typing import Any

from ...testing_events import mqtt
from .base import Asked, CannotMake, as_bytes
from .broker import broker_kind, sent, told

_ANSWER = 10.0  # seconds for the broker to confirm each


def _publish(url: str, asked: Asked) -> str:
    with told("mqtt", "mqtt"):
        _say(url, asked)
    return sent(asked, "topic")


def _say(url: str, asked: Asked) -> None:
    """By QoS 1: the broker has confirmed each."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    from ...event_sources.sources.mqtt_broker import address

    host, port, tls, user, password = address(url)
    refused = list[str]()

    def connected(client: Any, data: Any, flags: Any, reason: Any, said: Any) -> None:
        if reason.is_failure:
            refused.append(str(reason))

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_connect = connected
    if user:
        client.username_pw_set(user, password)
    if tls:
        client.tls_set()
    said: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if asked.headers:
        said.UserProperty = list(asked.headers.items())
    try:
        client.connect(host, port)
    except OSError as error:
        raise CannotMake(f"mqtt at {host}:{port}: {error}") from error
    client.loop_start()
    try:
        for body in map(as_bytes, asked.bodies):
            publishing = client.publish(asked.source, body, qos=1, properties=said)
            publishing.wait_for_publish(_ANSWER)
            if not publishing.is_published():
                raise CannotMake(f"mqtt at {host}:{port}: {', '.join(refused) or 'no answer'}")
    except ValueError as error:  # a topic with wildcards, a payload that is too large
        raise CannotMake(f"mqtt topic {asked.source!r}: {error}") from error
    finally:
        client.disconnect()
        client.loop_stop()


KIND = broker_kind(
    "mqtt",
    "messages of an MQTT topic",
    lambda asked: mqtt(
        *asked.bodies, topic=asked.source or "topic", key=asked.key, headers=asked.headers
    ),
    _publish,
    url="mqtt://HOST:1883",
)
