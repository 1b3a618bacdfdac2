"""MQTT, against a real mosquitto."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any, TypedDict, Unpack

import pytest

from pelton.event_sources import Away, Delivery, Letter, Message, WrongSource
from pelton.event_sources.sources.mqtt import Mqtt

from .bench import Seen, keyed, until
from .faults import FaultBench, FaultTests
from .promises import PromiseTests
from .servers.mosquitto import Mosquitto

_numbers = count()


class Changed(TypedDict, total=False):
    """Words of `Mqtt` that a test says."""

    version: str
    qos: int
    key: str
    group: str
    window: int
    client_id: str


class Words(Changed):
    """And one that a bench says itself."""

    topic: str


class MqttBench:
    """Topics NAME/KEY, and a client's name for which they are kept from the beginning."""

    def __init__(self, server: Mosquitto, **changed: Unpack[Changed]) -> None:
        self.server, self.name, self.changed = server, f"t{next(_numbers)}", changed
        self.dead = f"dead/{self.name}"
        self.kill, self.start, self.port = server.kill, server.start, server.port

    def source(self, lease: float = 30.0) -> Mqtt:
        return self.by_port(self.port)

    def by_port(self, port: int) -> Mqtt:
        return Mqtt(f"mqtt://127.0.0.1:{port}", **self._words())

    def spec(self) -> tuple[str, Mapping[str, Any]]:
        return "mqtt", {"url": self.server.url, **self._words()}

    def _words(self) -> Words:
        return {"topic": f"{self.name}/+", "client_id": self.name, **self.changed}

    async def prepare(self) -> None:
        """From now on messages are kept: for those who will read, and dead letters."""
        for each in (self.source(), self._reader()):
            await each.open()
            await each.close()

    def _reader(self) -> Mqtt:
        version = self.changed.get("version", "5")
        return Mqtt(self.server.url, topic=self.dead, client_id=self.dead, version=version)

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        def send() -> None:
            with publisher(self.server.url) as client:
                for key, body in bodies:
                    sent = client.publish(f"{self.name}/{key}", body, qos=2)
                sent.wait_for_publish(60)

        await asyncio.to_thread(send)

    async def letters(self) -> list[tuple[bytes, Mapping[str, str]]]:
        reader = self._reader()
        await reader.open()
        found = await reader.receive(100, 10)
        await reader.close()
        if self.changed.get("version") == "3.1.1":
            return [_told(json.loads(each.body)) for each in found]
        return [(each.body, each.headers) for each in found]


def _told(letter: dict[str, Any]) -> tuple[bytes, Mapping[str, str]]:
    """MQTT 3.1.1 has no headers: a letter is an object."""
    said = {f"dead-letter-{name}": str(value) for name, value in letter.items()}
    return letter["body"].encode(), said


@contextmanager
def publisher(url: str) -> Iterator[Any]:
    """paho's own client, with a thread of its own."""
    from paho.mqtt.client import Client, MQTTv5
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.connect("127.0.0.1", int(url.rpartition(":")[2]))
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def made(server: Mosquitto, **changed: Unpack[Changed]) -> MqttBench:
    bench = MqttBench(server, **changed)
    asyncio.run(bench.prepare())
    return bench


class TestMqtt5(PromiseTests, FaultTests):
    promises = Mqtt.promises

    @pytest.fixture
    def bench(self, mosquitto: Mosquitto) -> FaultBench:
        return made(mosquitto)


@pytest.mark.slow  # the promises are the delivery's; what differs is tried below
class TestMqtt311(PromiseTests):
    promises = Mqtt.promises

    @pytest.fixture
    def bench(self, mosquitto: Mosquitto) -> FaultBench:
        return made(mosquitto, version="3.1.1")


@pytest.mark.slow
class TestMqttExactlyOnce(PromiseTests, FaultTests):
    """QoS 2 on the wire: taken over when the work is done."""

    promises = Mqtt.promises

    @pytest.fixture
    def bench(self, mosquitto: Mosquitto) -> FaultBench:
        return made(mosquitto, qos=2)


def read(source: Mqtt, most: int = 100) -> list[Message]:
    """What a worker that connects is given, and leaves without a word."""

    async def run() -> list[Message]:
        await source.open()
        try:
            return list(await source.receive(most, 10))
        finally:
            await source.close()

    return asyncio.run(run())


def refused(source: Mqtt) -> str:
    """What it says when it cannot connect."""

    async def run() -> str:
        with pytest.raises(Away) as failed:
            await source.open()
        return str(failed.value)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "settings", [{"qos": 2}, {"version": "3.1.1"}, {"version": "3.1.1", "qos": 2}]
)
def test_what_a_worker_held_comes_again_to_the_next_of_its_name(
    mosquitto: Mosquitto, settings: Changed
) -> None:
    bench = made(mosquitto, **settings)

    async def run() -> None:
        await bench.publish(keyed(12, 3))
        for left in (12, 9, 6):
            source = bench.source()
            await source.open()
            found: list[Message] = []
            while len(found) < left:
                found += await source.receive(100, 10)
            assert [each.body for each in found] == [b for _, b in keyed(12, 3)][12 - left :]
            await source.ack(found[:3])
            await source.close()

    asyncio.run(run())


def test_what_is_acknowledged_in_any_order_does_not_come_again(mosquitto: Mosquitto) -> None:
    bench = made(mosquitto)

    async def run() -> None:
        await bench.publish(keyed(6, 1))
        source = bench.source()
        await source.open()
        found: list[Message] = []
        while len(found) < 6:
            found += await source.receive(10, 10)
        await source.ack([found[4], found[1], found[2]])
        await source.open()  # the connection was cut: what is left comes again, and is known
        again: list[Message] = []
        while len(again) < 3:
            again += await source.receive(10, 10)
        assert [each.id for each in again] == [found[n].id for n in (0, 3, 5)]
        await source.ack(found)  # by identifiers of the connection before: they are passed over
        await source.ack(again)
        await source.open()
        assert await source.receive(10, 0.05) == []
        await source.close()

    asyncio.run(run())


def test_members_of_a_group_share_the_messages(mosquitto: Mosquitto) -> None:
    async def run() -> None:
        bench, one, other = MqttBench(mosquitto, group="all"), Seen(), Seen()
        for name in ("first", "second"):
            bench.changed["client_id"] = f"{bench.name}-{name}"
            await bench.prepare()
        bodies = [f"{n}".encode() for n in range(40)]
        deliveries = []
        for name, seen in (("first", one), ("second", other)):
            bench.changed["client_id"] = f"{bench.name}-{name}"
            deliveries.append(Delivery(bench.source(), seen))
        for each in deliveries:
            await each.start()
        await until(lambda: all(each.status.state == "ready" for each in deliveries))
        await bench.publish([("k", body) for body in bodies])
        await until(lambda: len(one.done) + len(other.done) >= 40)
        for each in deliveries:
            await each.stop()
        assert sorted([*one.done, *other.done]) == sorted(bodies)
        assert one.done and other.done

    asyncio.run(run())


def test_what_is_kept_at_a_topic_comes_once_or_not_at_all(mosquitto: Mosquitto) -> None:
    topic = f"kept{next(_numbers)}"
    with publisher(mosquitto.url) as client:
        client.publish(f"{topic}/a", b"state", qos=1, retain=True).wait_for_publish(30)
    for version in ("5", "3.1.1"):
        settings: dict[str, Any] = {"topic": f"{topic}/#", "version": version}

        async def run(settings: dict[str, Any] = settings) -> None:
            source = Mqtt(mosquitto.url, client_id=f"{topic}-{settings['version']}", **settings)
            await source.open()
            (first,) = await source.receive(10, 10)
            await source.ack([first])
            assert (first.body, first.headers) == (b"state", {"mqtt-retained": "true"})
            await source.open()  # a session that is kept is not told again
            assert await source.receive(10, 0.05) == []
            await source.close()
            without = Mqtt(mosquitto.url, client_id="none", retained=False, **settings)
            await without.open()
            assert await without.receive(10, 0.05) == []
            await without.close()

        asyncio.run(run())


def test_user_properties_are_headers_and_may_be_the_key(mosquitto: Mosquitto) -> None:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    bench = made(mosquitto, key="customer")
    told: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    told.UserProperty = ("customer", "ann")
    told.ContentType, told.CorrelationData = "text/plain", b"\x01"
    with publisher(mosquitto.url) as client:
        sent = client.publish(f"{bench.name}/a", b"x", qos=1, properties=told)
        sent.wait_for_publish(30)
    (found,) = read(bench.source())
    assert (found.key, found.lane, found.topic) == ("ann", "customer=ann", f"{bench.name}/a")
    assert found.headers == {
        "customer": "ann",
        "content-type": "text/plain",
        "mqtt-correlation-data": "01",
    }


def test_a_letter_that_nobody_would_get_is_not_sent(mosquitto: Mosquitto) -> None:
    bench = made(mosquitto)

    async def run() -> None:
        source = bench.source()
        await source.open()
        letter = Letter(Message("1", b"x"), "no good", 1, 0.0)
        with pytest.raises(Away, match="topic 'nobody/here': nobody subscribes"):
            await source.bury(letter, "nobody/here")
        with pytest.raises(Away, match="topic 'a/#'"):
            await source.bury(letter, "a/#")
        await source.close()

    asyncio.run(run())


def test_two_of_one_name_push_each_other_out(mosquitto: Mosquitto) -> None:
    bench = made(mosquitto)

    async def run() -> None:
        one, other = bench.source(), bench.source()
        await one.open()
        waiting = asyncio.create_task(one.receive(1, 30))
        await other.open()
        with pytest.raises(Away, match="the connection is gone"):
            await waiting
        await one.close()
        await other.close()

    asyncio.run(run())


def test_of_qos_0_no_more_waits_than_said(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    bench = made(mosquitto, qos=0, window=5)

    async def run() -> None:
        source = bench.source()
        await source.open()
        await bench.publish(keyed(50, 1))
        while "dropped" not in caplog.text:
            await asyncio.sleep(0.005)
        found = await source.receive(100, 10)
        assert [each.body for each in found] == [body for _, body in keyed(5, 1)]
        await source.ack(found)  # nobody waits for it
        await source.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "redis://h"}, "'redis://h' is no address of an MQTT broker"),
        ({"url": "mqtt://u:hidden@h:x"}, "'h:x' is no address of an MQTT broker"),
        ({"qos": 3}, "mqtt qos=3 is none of 0, 1, 2"),
        ({"version": "4"}, 'mqtt version=\'4\' is none of "5", "3.1.1"'),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongSource) as caught:
        Mqtt(**{"url": "mqtt://h", "topic": "a", **settings})
    assert words in str(caught.value) and "hidden" not in str(caught.value)


def test_a_broker_that_is_not_there_and_a_topic_that_cannot_be(mosquitto: Mosquitto) -> None:
    away = Mqtt("mqtt://ann:hidden@127.0.0.1:1", topic="a")
    assert refused(away).startswith("mqtt://127.0.0.1:1: ConnectionRefusedError")
    wrong = Mqtt(mosquitto.url, topic="a/#/b", client_id="wrong")
    assert "Invalid subscription filter" in refused(wrong)


def test_an_opening_that_is_given_up_lets_go_of_the_broker() -> None:
    async def run(port: int, server: socket.socket) -> None:
        source = Mqtt(f"mqtt://127.0.0.1:{port}", topic="t")
        opening = asyncio.create_task(source.open())
        taken, _ = await asyncio.get_running_loop().run_in_executor(None, server.accept)
        opening.cancel()
        await asyncio.wait([opening])
        await source.close()
        with taken:
            taken.settimeout(30)
            while await asyncio.to_thread(taken.recv, 4096):
                pass  # it has said who it is, and then it hangs up

    with socket.create_server(("127.0.0.1", 0)) as server:
        asyncio.run(run(server.getsockname()[1], server))
