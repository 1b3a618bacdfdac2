"""Places of dead letters at real servers, for the tests of a redrive: each with a source that has
buried letters there, and one that reads where they come back to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pelton.event_sources import Letter, Message, Source
from pelton.event_sources.dead_letters import ToFile
from pelton.event_sources.redrive import Kept, Place, Wanted, look, place_of
from pelton.event_sources.sources.directory import Directory

from .test_jetstream import JetStreamBench
from .test_kafka import KafkaBench
from .test_mqtt import MqttBench
from .test_nats import NatsBench
from .test_postgres import PostgresBench
from .test_rabbitmq import RabbitBench
from .test_redis_pubsub import PubSubBench
from .test_redis_stream import RedisStreamBench

Ask = Callable[[str], Any]
AT = 1_700_000_000.0


@dataclass
class Scene:
    """
    kind, place, settings: of the place
    reader:  reads where letters come back to
    topic:   where a message of a key was sent
    writer:  buries; the reader, if there is none of its own
    headers: whether they come back with them
    keyed:   whether the reader tells their keys
    bury:    how it is buried, if not by the writer
    """

    kind: str
    place: str
    settings: dict[str, Any]
    reader: Source
    topic: Callable[[str], str]
    writer: Source | None = None
    headers: bool = True
    bury: Callable[[Letter], Awaitable[None]] | None = None
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """As the command has them."""
        said = [self.kind, self.place]
        for name, value in self.settings.items():
            said += ["--url", value] if name == "url" else ["--set", f"{name}={value}"]
        return said

    def open(self) -> Place:
        settings = {} if self.kind == "file" else self.settings
        return place_of(self.kind, self.place, **settings)

    async def fill(self, *letters: Letter) -> None:
        if self.bury:
            for each in letters:
                await self.bury(each)
            return
        writer = self.writer or self.reader
        await writer.open()
        for each in letters:
            await writer.bury(each, self.place)
        await writer.close()

    def letter(self, number: int, key: str, reason: str) -> Letter:
        """The message b"KEY:NUMBER", given up."""
        topic = self.topic(key)
        message = Message(
            f"{topic}/{number}",
            f"{key}:{number}".encode(),
            topic=topic,
            key=key,
            headers={"a": "b", **self.extra} if self.headers else {},
            position=str(number),
            timestamp=AT,
            raw=key.encode(),
        )
        return Letter(message, reason, 3, AT + number, self.reader.kind)

    async def left(self) -> list[Kept]:
        """What is in the place."""
        place = self.open()
        await place.open()
        found = (await look(place, Wanted())).letters
        await place.close()
        return found


async def come(reader: Source, enough: int) -> list[Message]:
    """So many that come to an open reader."""
    seen = list[Message]()
    async with asyncio.timeout(60):
        while len(seen) < enough:
            found = [each for each in await reader.receive(100, 1.0) if isinstance(each, Message)]
            if found:
                await reader.ack(found)
            seen += found
    return [each for each in seen if each.body != b"makes the topic"]


async def of_redis(ask: Ask, _: Path) -> Scene:
    bench = RedisStreamBench(ask("redis_server"))
    return Scene(
        "redis",
        bench.dead,
        {"url": bench.server.url},
        bench.source(),
        lambda key: bench.name,
    )


async def of_redis_channel(ask: Ask, _: Path) -> Scene:
    bench = PubSubBench(ask("redis_server"))
    settings = {"url": bench.server.url}
    return Scene(
        "redis",
        bench.dead,
        settings,
        bench.source(),
        lambda key: f"{bench.name}.{key}",
        headers=False,
    )


async def of_jetstream(ask: Ask, _: Path) -> Scene:
    """What a message expected of its stream is not true of another, nor a second time."""
    bench = JetStreamBench(ask("nats_server"))
    await bench.prepare()
    settings = {"url": bench.server.url}
    return Scene(
        "nats",
        bench.dead,
        settings,
        bench.source(),
        lambda key: f"{bench.name}.{key}",
        extra={"Nats-Expected-Stream": bench.name, "Nats-Expected-Last-Sequence": "0"},
    )


async def of_nats(ask: Ask, _: Path) -> Scene:
    bench = NatsBench(ask("nats_server"))
    await bench.prepare()
    settings = {"url": bench.server.url}
    return Scene("nats", bench.dead, settings, bench.source(), lambda key: f"{bench.name}.{key}")


async def of_kafka(ask: Ask, _: Path) -> Scene:
    bench = KafkaBench(ask("kafka_server"))
    settings = {"url": bench.server.url, "group": f"again-{bench.name}"}
    return Scene("kafka", bench.dead, settings, bench.source(), lambda key: bench.name)


async def of_kafka_broker(ask: Ask, _: Path) -> Scene:
    bench = KafkaBench(ask("kafka_broker"))
    settings = {"url": bench.server.url, "group": f"again-{bench.name}"}
    return Scene("kafka", bench.dead, settings, bench.source(), lambda key: bench.name)


async def of_rabbitmq(ask: Ask, _: Path) -> Scene:
    bench = RabbitBench(ask("rabbit_server"), "quorum")
    await bench.prepare()
    settings = {"url": bench.server.url}
    return Scene(
        "rabbitmq",
        bench.dead,
        settings,
        bench.source(),
        lambda key: key,
        extra={"exchange": f"x-{bench.name}"},
    )


async def of_mqtt(ask: Ask, _: Path) -> Scene:
    bench = MqttBench(ask("mosquitto"))
    await bench.prepare()
    settings = {"url": bench.server.url, "client_id": bench.dead}
    return Scene("mqtt", bench.dead, settings, bench.source(), lambda key: f"{bench.name}/{key}")


async def of_postgres(ask: Ask, _: Path) -> Scene:
    bench = PostgresBench(ask("postgres_server"))
    settings = {"url": bench.server.url}
    return Scene(
        "postgres", bench.dead, settings, bench.source(), lambda key: bench.channel, headers=False
    )


async def of_directory(_: Ask, folder: Path) -> Scene:
    """A file's key is its name, so each letter has one of its own."""
    inbox = folder / "inbox"
    inbox.mkdir()
    source = Directory(inbox, ordered=True)

    async def bury(letter: Letter) -> None:
        message = letter.message
        named = replace(message, key=message.body.decode().replace(":", "-"))
        await source.bury(replace(letter, message=named), ".failed")

    return Scene(
        "directory",
        str(inbox / ".failed"),
        {},
        source,
        lambda key: str(inbox),
        headers=False,
        bury=bury,
    )


async def of_file(ask: Ask, folder: Path) -> Scene:
    """Letters of a Redis stream, in a file."""
    at_redis = await of_redis(ask, folder)
    file = ToFile(folder / "dead.jsonl")

    async def bury(letter: Letter) -> None:
        await file.bury(at_redis.reader, letter)

    return replace(at_redis, kind="file", place=str(file.path), bury=bury)
