"""MQTT beside paho's own loop, which acknowledges in its callback."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pelton.event_sources import Source
from pelton.event_sources.sources.mqtt import Mqtt

from .shape import BODY, MESSAGES, Kept


class OfMqtt(Kept):
    what = "MQTT"

    def source(self, name: str) -> Source:
        return Mqtt(self.address, topic=name, client_id=name)

    async def put(self, name: str) -> None:
        """Kept for a client of that name, which the reader is then."""
        source = self.source(name)
        await source.open()
        await source.close()
        await asyncio.to_thread(_publish, self.address, name)

    async def floor(self, name: str) -> float:
        return await asyncio.to_thread(_consume, self.address, name)


def _publish(address: str, name: str) -> None:
    client = _paho(address, "", clean=True)
    client.loop_start()
    for _ in range(MESSAGES):
        sent = client.publish(name, BODY, 1)
    sent.wait_for_publish()
    client.disconnect()
    client.loop_stop()


def _consume(address: str, name: str) -> float:
    seen = 0

    def heard(client: Any, data: Any, message: Any) -> None:
        nonlocal seen
        seen += 1
        client.ack(message.mid, message.qos)

    start = time.perf_counter()
    client = _paho(address, name, clean=False)
    client.on_message = heard
    while seen < MESSAGES:
        client.loop()
    seconds = time.perf_counter() - start
    client.disconnect()
    return MESSAGES / seconds


def _paho(address: str, name: str, *, clean: bool) -> Any:
    from paho.mqtt.client import Client, MQTTv5
    from paho.mqtt.enums import CallbackAPIVersion
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTv5, manual_ack=True)
    asked: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    asked.SessionExpiryInterval, asked.ReceiveMaximum = 3600, 1000
    client.connect(
        "127.0.0.1", int(address.rpartition(":")[2]), clean_start=clean, properties=asked
    )
    return client
