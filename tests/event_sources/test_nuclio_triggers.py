"""Nuclio's own triggers of brokers, on the emulator, against real servers."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pelton.event_sources import Message
from pelton.localstack.nuclio.triggers.explicit_ack import Marks
from pelton.localstack.nuclio.wire import Ack, Reply
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .bench import until
from .servers.kafka import KafkaMock
from .servers.mosquitto import Mosquitto
from .servers.nats import NatsServer
from .servers.rabbitmq import RabbitServer
from .test_mqtt import publisher

_numbers = count()

SOURCE = """
import os

def handler(context, event):
    with open(os.environ["SEEN"], "a") as seen:
        print(event.trigger.kind, event.path, event.body.decode(), file=seen)
    if event.body == b"die" and not os.path.exists(os.environ["SEEN"] + ".died"):
        open(os.environ["SEEN"] + ".died", "w").close()
        os._exit(3)
    if event.body == b"fail":
        raise ValueError("forgotten")
"""


KEEPS = """
import os
import nuclio_sdk

def init_context(context):
    context.user_data.held = []

    async def drained():
        for each in context.user_data.held:
            await context.platform.explicit_ack(each)

    context.platform.set_drain_callback(drained)

async def handler(context, event):
    with open(os.environ["SEEN"], "a") as seen:
        print(event.body.decode(), file=seen)
    offset = nuclio_sdk.QualifiedOffset.from_event(event)
    if event.body == b"ack":
        await context.platform.explicit_ack(offset)
    elif event.body == b"hold":
        context.user_data.held.append(offset)
"""


def deploy(
    emulator: RunningEmulator, name: str, seen: Path, source: str = SOURCE, **trigger: Any
) -> dict[str, Any]:
    environment = [
        {"name": "SEEN", "value": str(seen)},
        {"name": "NUCLIO_PYTHON_DECODE_EVENT_STRINGS", "value": "true"},
    ]
    spec = {
        "handler": "main:handler",
        "runtime": "python",
        "env": environment,
        "triggers": {"broker": {"name": "broker", **trigger}},
        "disableDefaultHTTPTrigger": True,
        "build": {"functionSourceCode": base64.b64encode(source.encode()).decode()},
    }
    waiting = {"x-nuclio-wait-function-action": "true"}
    wanted = {"metadata": {"name": name}, "spec": spec}
    url = f"{emulator.nuclio_url}/api/functions"
    plain.post(url, json=wanted, headers=waiting, timeout=60)
    told: dict[str, Any] = plain.get(f"{url}/{name}").json()
    return told["status"]  # type: ignore[no-any-return]


def lines(seen: Path) -> list[str]:
    return seen.read_text().splitlines() if seen.exists() else []


@pytest.mark.fidelity(
    "Nuclio brokers", "nats: the subject is the path; what fails is not tried again"
)
def test_nats(nats_server: NatsServer, pelton_emulator: RunningEmulator, tmp_path: Path) -> None:
    seen, subject = tmp_path / "seen", f"n{next(_numbers)}"
    status = deploy(
        pelton_emulator,
        "on-nats",
        seen,
        kind="nats",
        url=nats_server.url,
        attributes={"topic": f"{subject}.*"},
    )
    assert status["state"] == "ready", status

    async def run() -> None:
        import nats

        client = await nats.connect(nats_server.url)
        sent = 0
        async with asyncio.timeout(60):
            while not lines(seen):  # sent once, to who listens then
                await client.publish(f"{subject}.new", b"first")
                await client.flush()
                sent += 1
                await asyncio.sleep(0.02)
        for body in (b"fail", b"last"):
            await client.publish(f"{subject}.old", body)
        await client.close()
        await until(lambda: f"nats {subject}.old last" in lines(seen))
        assert lines(seen).count(f"nats {subject}.old fail") == 1
        assert lines(seen)[0] == f"nats {subject}.new first"

    asyncio.run(run())


@pytest.mark.fidelity(
    "Nuclio brokers",
    "natsjetstream: acknowledged when a worker has taken the event to its end, an error of the "
    "function included; given back when the worker died",
)
def test_jetstream(
    nats_server: NatsServer, pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    seen, stream = tmp_path / "seen", f"j{next(_numbers)}"

    async def begin() -> None:
        import nats
        from nats.js.api import ConsumerConfig

        client = await nats.connect(nats_server.url)
        made = client.jetstream()
        await made.add_stream(name=stream, subjects=[stream])
        await made.add_consumer(stream, ConsumerConfig(durable_name="f", ack_policy="explicit"))  # type: ignore[arg-type]
        for body in (b"one", b"fail", b"die", b"last"):
            await made.publish(stream, body)
        await client.close()

    async def left() -> tuple[int, int]:
        import nats

        client = await nats.connect(nats_server.url)
        told = await client.jetstream().consumer_info(stream, "f")
        await client.close()
        return told.num_pending or 0, told.num_ack_pending or 0

    asyncio.run(begin())
    status = deploy(
        pelton_emulator,
        "on-stream",
        seen,
        kind="natsjetstream",
        url=nats_server.url,
        attributes={"stream": stream, "consumer": "f"},
    )
    assert status["state"] == "ready", status
    asyncio.run(until(lambda: lines(seen).count(f"natsjetstream {stream} die") >= 2))

    async def acknowledged() -> None:
        async with asyncio.timeout(60):
            while await left() != (0, 0):
                await asyncio.sleep(0.05)

    asyncio.run(acknowledged())
    assert {each.rpartition(" ")[2] for each in lines(seen)} == {"one", "fail", "die", "last"}
    assert lines(seen).count(f"natsjetstream {stream} fail") == 1


@pytest.mark.fidelity(
    "Nuclio brokers",
    "kafka-cluster: the topic is the path; in order within a partition; done when a worker has "
    "taken the event to its end, an error of the function included; what a worker died with comes "
    "again first",
)
def test_kafka(kafka_server: KafkaMock, pelton_emulator: RunningEmulator, tmp_path: Path) -> None:
    bodies = [b"0", b"1", b"fail", b"die", b"4", b"5"]
    seen, (topic, attributes) = tmp_path / "seen", filled(kafka_server, bodies)
    status = deploy(pelton_emulator, "on-kafka", seen, kind="kafka-cluster", attributes=attributes)
    assert status["state"] == "ready", status
    asyncio.run(until(lambda: len(lines(seen)) >= 7))
    assert lines(seen) == [
        f"kafka-cluster {topic} {body}" for body in ("0", "1", "fail", "die", "die", "4", "5")
    ]
    asyncio.run(until(lambda: committed(kafka_server.url, topic) == 6))


@pytest.mark.fidelity(
    "Nuclio brokers",
    "kafka-cluster with explicitAckMode explicitOnly: done is what the function says, and all of "
    "the partition before it; what it holds it may say when it is drained",
)
def test_kafka_acknowledged_by_the_function(
    kafka_server: KafkaMock, pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    bodies = [b"0", b"1", b"ack", b"hold", b"4"]
    seen, (topic, attributes) = tmp_path / "seen", filled(kafka_server, bodies)
    attributes["workerAllocationMode"] = "static"
    trigger = {"kind": "kafka-cluster", "explicitAckMode": "explicitOnly"}
    status = deploy(pelton_emulator, "acks", seen, KEEPS, attributes=attributes, **trigger)
    assert status["state"] == "ready", status
    asyncio.run(until(lambda: len(lines(seen)) == len(bodies)))
    asyncio.run(until(lambda: committed(kafka_server.url, topic) == 3))
    url = f"{pelton_emulator.nuclio_url}/api/functions"
    plain.request("DELETE", url, json={"metadata": {"name": "acks"}}, timeout=60)
    asyncio.run(until(lambda: committed(kafka_server.url, topic) == 4))
    assert lines(seen) == [body.decode() for body in bodies]


def message(offset: int, partition: int = 1) -> Message:
    return Message(f"t/{partition}/{offset}", b"", topic="t", partition=partition,
                   position=str(offset))  # fmt: skip


def test_what_is_kept_back_is_done_with_what_is_behind_it() -> None:
    marks = Marks(only=False)
    no_ack = Reply(200, b"", "", {"x-nuclio-stream-no-ack": True})
    assert (marks.keeps(no_ack), marks.keeps(Reply(500, b"", "", {})), marks.keeps(None)) == (
        True,
        False,
        False,
    )
    assert marks.ended(message(5), kept=True) == (True, [])
    assert marks.ended(message(5, 2), kept=True) == (True, [])
    assert marks.ended(message(6), kept=False) == (False, ["t/1/5"])
    assert marks.ended(message(7), kept=True) == (True, [])
    assert marks.acked(Ack("t", 1, 9)) == ["t/1/7"]
    assert marks.ended(message(9), kept=True) == (False, [])  # said before its answer came
    assert marks.acked(Ack("t", 2, 4)) == []
    assert marks.acked(Ack("t", 2, 5)) == ["t/2/5"]
    assert Marks(only=True).keeps(None)


def filled(server: KafkaMock, bodies: Iterable[bytes]) -> tuple[str, dict[str, Any]]:
    """A topic with these in its second partition, of two keys in turn, and the attributes of a
    trigger that reads it from its begin, as the group of that name."""
    from confluent_kafka import Producer

    topic = f"nuclio{next(_numbers)}"
    server.create(topic)
    producer = Producer({"bootstrap.servers": server.url})
    for number, body in enumerate(bodies):
        producer.produce(topic, body, b"k%d" % (number % 2), partition=1)
    assert producer.flush(60) == 0
    return topic, {
        "brokers": [server.url],
        "topics": [topic],
        "consumerGroup": topic,
        "initialOffset": "earliest",
    }


def committed(brokers: str, topic: str) -> int:
    """The place of the group of that name in the topic's second partition."""
    from confluent_kafka import Consumer, TopicPartition

    reader = Consumer({"bootstrap.servers": brokers, "group.id": topic})
    (found,) = reader.committed([TopicPartition(topic, 1)], timeout=30)
    reader.close()
    return int(found.offset)


@pytest.mark.fidelity(
    "Nuclio brokers",
    "mqtt: the topic is the path; one after the other, by 3.1.1; nothing is kept while it is away; "
    "what fails is not tried again",
)
def test_mqtt(mosquitto: Mosquitto, pelton_emulator: RunningEmulator, tmp_path: Path) -> None:
    seen, topic = tmp_path / "seen", f"nuclio{next(_numbers)}"
    with publisher(mosquitto.url) as client:
        # Kept at the topic, so that it comes when the trigger listens.
        client.publish(f"{topic}/new", b"first", qos=1, retain=True).wait_for_publish(30)
        wanted = [{"topic": f"{topic}/+", "qos": 1}, {"topic": f"{topic}/deep/#", "qos": 2}]
        status = deploy(
            pelton_emulator,
            "on-mqtt",
            seen,
            kind="mqtt",
            url=mosquitto.url.removeprefix("mqtt://"),
            attributes={"subscriptions": wanted},
        )
        assert status["state"] == "ready", status
        asyncio.run(until(lambda: lines(seen) == [f"mqtt {topic}/new first"]))
        for name, body in (("old", b"fail"), ("old", b"die"), ("deep/er", b"last")):
            client.publish(f"{topic}/{name}", body, qos=2).wait_for_publish(30)
    asyncio.run(until(lambda: f"mqtt {topic}/deep/er last" in lines(seen)))
    assert lines(seen)[1:] == [
        f"mqtt {topic}/{each}" for each in ("old fail", "old die", "deep/er last")
    ]


@pytest.mark.slow  # RabbitMQ takes its time to start
@pytest.mark.fidelity(
    "Nuclio brokers",
    "rabbit-mq: exchange and routing key are the path; one after the other; acknowledged when a "
    "worker has taken the event to its end, an error of the function included",
)
def test_rabbitmq(
    rabbit_server: RabbitServer, pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    seen, queue = tmp_path / "seen", f"nuclio{next(_numbers)}"
    wanted = {
        "queueName": queue,
        "exchangeName": f"x-{queue}",
        "topics": ["a.*", "b"],
        "durableQueue": True,
        "requeueOnError": True,
    }
    status = deploy(
        pelton_emulator,
        "on-rabbit",
        seen,
        kind="rabbit-mq",
        url=rabbit_server.url,
        username="guest",
        password="guest",
        attributes=wanted,
    )
    assert status["state"] == "ready", status

    async def run() -> None:
        import aio_pika

        async with await aio_pika.connect(rabbit_server.url) as connection:
            channel = await connection.channel(on_return_raises=True)
            async with asyncio.timeout(60):
                while True:  # the trigger makes them, and binds the one to the other
                    try:
                        exchange = await channel.get_exchange(f"x-{queue}")
                        made = await channel.get_queue(queue)
                        await exchange.publish(aio_pika.Message(b"none yet"), "b")  # bound last
                        break
                    except aio_pika.exceptions.ChannelClosed:
                        channel = await connection.channel(on_return_raises=True)
                    except aio_pika.exceptions.DeliveryError:
                        pass
                    await asyncio.sleep(0.05)
            for key, body in (("a.new", b"fail"), ("a.old", b"die")):
                await exchange.publish(aio_pika.Message(body), key)
            with pytest.raises(aio_pika.exceptions.DeliveryError):
                await exchange.publish(aio_pika.Message(b"other"), "c")  # bound to nothing
            await exchange.publish(aio_pika.Message(b"last"), "a.new")
            await until(lambda: f"rabbitMq x-{queue}/a.new last" in lines(seen))
            await until(lambda: lines(seen).count(f"rabbitMq x-{queue}/a.old die") == 2)
            assert {each.rpartition("/")[2] for each in lines(seen)} == {
                "b none yet",
                "a.new fail",
                "a.old die",
                "a.new last",
            }
            assert lines(seen).count(f"rabbitMq x-{queue}/a.new fail") == 1
            async with asyncio.timeout(60):
                while (await made.declare()).message_count:
                    await asyncio.sleep(0.05)

    asyncio.run(run())


def test_settings_that_cannot_be_stop_the_deploy(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    for kind, given, words in (
        ("nats", {"url": "nats://127.0.0.1:1"}, "trigger 'broker' has no attributes.topic"),
        ("nats", {"url": "a:1", "attributes": {"topic": "t"}}, "does not begin with 'nats://'"),
        ("kafka-cluster", {"url": "a:1"}, "has no attributes.topics"),
        (
            "kafka-cluster",
            {"url": "a:1", "attributes": {"topics": ["t"], "ackWindowSize": 5}},
            "ackWindowSize is not on the emulator",
        ),
        (
            "kafka-cluster",
            {
                "url": "a:1",
                "attributes": {"topics": ["t"], "consumerGroup": "g", "initialOffset": "first"},
            },
            "initialOffset must be 'earliest' or 'latest', not 'first'",
        ),
        ("mqtt", {"url": "a:1"}, "has no attributes.subscriptions, a list of topics"),
        (
            "mqtt",
            {"url": "a:1", "attributes": {"subscriptions": [{"qos": 1}]}},
            "a subscription is a topic and a qos",
        ),
        ("rabbit-mq", {"url": "amqp://h"}, "has no attributes.queueName"),
        (
            "rabbit-mq",
            {"url": "amqp://h", "attributes": {"queueName": "q", "topics": ["a"]}},
            "has topics and no attributes.exchangeName",
        ),
        (
            "rabbit-mq",
            {"url": "amqp://h", "attributes": {"queueName": "q", "onError": "drop"}},
            "onError must be 'ack' or 'nack'",
        ),
        (
            "natsjetstream",
            {"url": "nats://127.0.0.1:1", "attributes": {"stream": "s"}},
            "has no attributes.consumer",
        ),
    ):
        name = f"wrong-{next(_numbers)}"
        status = deploy(pelton_emulator, name, tmp_path / "seen", kind=kind, **given)
        assert status["state"] == "error"
        assert words in status["message"]
