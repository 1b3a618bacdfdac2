"""`pelton events send`, by the command, into each broker: it comes to who reads there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pelton.cli import command
from pelton.event_sources import Batch, Delivery, Message, Source
from pelton.event_sources.sources.directory import Directory
from pelton.event_sources.sources.nats import Nats
from pelton.events.kinds import KINDS
from pelton.handlers import triggers
from pelton.handlers.triggers import FromBroker

from .bench import until
from .test_jetstream import JetStreamBench
from .test_kafka import KafkaBench
from .test_mqtt import MqttBench
from .test_nats import NatsBench
from .test_postgres import PostgresBench
from .test_rabbitmq import RabbitBench
from .test_redis_pubsub import PubSubBench
from .test_redis_stream import RedisStreamBench


def test_each_broker_has_events_to_generate_and_to_send() -> None:
    """A word of a trigger that is added needs a kind of event."""
    found = (getattr(triggers, name) for name in triggers.__all__)
    brokers = {each.kind for each in found if issubclass(each, FromBroker) and each.kind}
    assert brokers <= set(KINDS)
    assert {each for each in brokers if KINDS[each].publish is None} == {"source", "websocket"}


def said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(command, ["events", "send", *words])
    assert done.exit_code == code, done.output
    return done.output


@dataclass
class Way:
    """How one is sent to, and who reads there."""

    words: list[str]
    source: Source
    headers: bool = True


async def of_nats(ask: Callable[[str], Any], _: Path) -> Way:
    bench = NatsBench(ask("nats_server"))
    url = bench.server.url
    return Way(["nats", f"{bench.name}.k", "--url", url], Nats(url, subject=f"{bench.name}.*"))


async def of_jetstream(ask: Callable[[str], Any], _: Path) -> Way:
    bench = JetStreamBench(ask("nats_server"))
    await bench.prepare()
    words = ["nats", f"{bench.name}.k", "--set", f"stream={bench.name}"]
    return Way([*words, "--url", bench.server.url], bench.source())


async def of_redis(ask: Callable[[str], Any], _: Path) -> Way:
    bench = RedisStreamBench(ask("redis_server"))
    return Way(["redis", bench.name, "--url", bench.server.url], bench.source())


async def of_redis_channel(ask: Callable[[str], Any], _: Path) -> Way:
    bench = PubSubBench(ask("redis_server"))
    words = ["redis", f"{bench.name}.k", "--set", "to=channel", "--url", bench.server.url]
    return Way(words, bench.source(), headers=False)


async def of_directory(_: Callable[[str], Any], folder: Path) -> Way:
    return Way(["directory", str(folder)], Directory(folder), headers=False)


async def of_mqtt(ask: Callable[[str], Any], _: Path) -> Way:
    bench = MqttBench(ask("mosquitto"))
    return Way(["mqtt", f"{bench.name}/k", "--url", bench.server.url], bench.source())


async def of_postgres(ask: Callable[[str], Any], _: Path) -> Way:
    bench = PostgresBench(ask("postgres_server"))
    words = ["postgres", bench.channel, "--url", bench.server.url]
    return Way(words, bench.source(), headers=False)


async def of_rabbitmq(ask: Callable[[str], Any], _: Path) -> Way:
    bench = RabbitBench(ask("rabbit_server"), "classic")
    await bench.prepare()
    return Way(["rabbitmq", bench.name, "--url", bench.server.url], bench.source())


async def of_kafka(ask: Callable[[str], Any], _: Path) -> Way:
    bench = KafkaBench(ask("kafka_server"))
    await bench.publish([("k", b"makes the topic")])
    return Way(["kafka", bench.name, "--url", bench.server.url], bench.source())


@pytest.mark.parametrize(
    "way",
    [
        *(of_nats, of_jetstream, of_redis, of_redis_channel, of_directory, of_mqtt, of_postgres),
        *(pytest.param(each, marks=pytest.mark.slow) for each in (of_rabbitmq, of_kafka)),
    ],
)
def test_what_is_sent_comes_to_who_reads(
    way: Callable[..., Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async def run() -> None:
        to: Way = await way(request.getfixturevalue, tmp_path)
        seen = list[Message]()

        async def handle(batch: Batch) -> None:
            seen.extend(each for each in batch.messages if each.body.startswith(b"{"))

        words = [*to.words, "--body", '{"n": 1}', "--count", "2"]
        words += ["--header", "a=b"] if to.headers else []
        async with Delivery(to.source, handle) as delivery:
            await until(lambda: delivery.status.state == "ready")
            told = await asyncio.to_thread(said, *words)
            await until(lambda: len(seen) == 2)
        assert told.startswith("2 ")
        assert [json.loads(each.body) for each in seen] == [{"n": 1}] * 2
        assert not to.headers or all(each.headers["a"] == "b" for each in seen)

    asyncio.run(run())


NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["nats", "a", "--url", f"nats://me:secret@{NOBODY}"], f"nats: nats://{NOBODY}: "),
        (["redis", "a", "--url", f"redis://me:secret@{NOBODY}/0"], f"redis at {NOBODY}/0: "),
        (["redis", "a", "--url", "redis://me:secret@host:x/0"], "is no address of a Redis server"),
        (["redis", "a", "--url", "redis://h", "--set", "to=list"], "none of stream, channel"),
        (["nats", "a", "--url", "redis://me:secret@h:1"], "'redis://h:1' is no address of nats"),
        (["kafka", "a", "--url", "http://me:secret@h:1"], "of kafka: write it as HOST:9092"),
        (["rabbitmq", "a", "--url", "http://me:secret@h:1"], "write it as amqp://HOST:5672/"),
        (["postgres", "a", "--url", "http://me:secret@h:1"], "write it as postgresql://HOST:5432"),
        (["mqtt", "a", "--url", f"mqtt://me:secret@{NOBODY}"], f"mqtt at {NOBODY}: "),
        (["postgres", "a", "--url", f"postgresql://me:secret@{NOBODY}/a"], "Connection refused"),
        (["directory", "nowhere/at/all"], "directory 'nowhere/at/all': "),
        (["websocket", "ws://a"], "nothing but a call brings websocket events"),
    ],
)
def test_why_it_was_not_sent(words: list[str], why: str) -> None:
    told = said(*words, "--body", "1", code=1)
    assert why in told
    assert "secret" not in told


@pytest.mark.slow  # the client's own ten seconds
def test_why_kafka_did_not_take_it(kafka_broker: Any) -> None:
    missing = said("kafka", "nowhere", "--url", kafka_broker.url, "--body", "1", code=1)
    assert missing.endswith("Unknown topic or partition; make it there, or name another\n")
    assert "no broker answers" in said("kafka", "a", "--url", NOBODY, "--body", "1", code=1)


def test_where_the_broker_is_has_to_be_said() -> None:
    assert "say where the broker is: --url nats://HOST:4222" in said("nats", "a", code=2)
