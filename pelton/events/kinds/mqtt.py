"""Messages of an MQTT topic, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...testing_events import mqtt
from .base import Asked, CannotMake, as_bytes
from .broker import broker_kind, sent, told

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_ANSWER = 10.0  # seconds for the broker to confirm each


def _publish(url: str, asked: Asked) -> str:
    with told("mqtt", "mqtt"):
        _say(url, asked)
    return sent(asked, "topic")


def _say(url: str, asked: Asked) -> None:
    """By QoS 1: the broker has confirmed each."""
    refused, said = list[str](), _properties(asked)
    with _connected(url, refused) as (client, where):
        try:
            for body in map(as_bytes, asked.bodies):
                publishing = client.publish(asked.source, body, qos=1, properties=said)
                publishing.wait_for_publish(_ANSWER)
                if not publishing.is_published():
                    raise CannotMake(f"{where}: {', '.join(refused) or 'no answer'}")
        except ValueError as error:  # a topic with wildcards, a payload that is too large
            raise CannotMake(f"mqtt topic {asked.source!r}: {error}") from error


@contextmanager
def _connected(url: str, refused: list[str]) -> Iterator[tuple[Client, str]]:
    """A client and where it is; refused: takes why the broker does not let it in."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    from ...event_sources.sources.mqtt_broker import address

    def connected(client: Any, data: Any, flags: Any, reason: Any, said: Any) -> None:
        if reason.is_failure:
            refused.append(str(reason))

    host, port, tls, user, password = address(url)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_connect = connected
    if user:
        client.username_pw_set(user, password)
    if tls:
        client.tls_set()
    where = f"mqtt at {host}:{port}"
    try:
        client.connect(host, port)
    except OSError as error:
        raise CannotMake(f"{where}: {error}") from error
    client.loop_start()
    try:
        yield client, where
    finally:
        client.disconnect()
        client.loop_stop()


def _properties(asked: Asked) -> Any:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    said: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if asked.headers:
        said.UserProperty = list(asked.headers.items())
    return said


KIND = broker_kind(
    "mqtt",
    "messages of an MQTT topic",
    lambda asked: mqtt(
        *asked.bodies, topic=asked.source or "topic", key=asked.key, headers=asked.headers
    ),
    _publish,
    url="mqtt://HOST:1883",
)
