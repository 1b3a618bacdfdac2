"""Messages a second from real brokers to a handler that does nothing, one a batch and a hundred,
over what the client library's own loop of consuming and acknowledging makes of the same messages.

The floor reads as many at a time as it can, and acknowledges as cheaply as its library does; but
Kafka's, in which the library does nothing in Python, takes as many at a time as ours hands out.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from pelton.event_sources import Batch, Delivery, Rules, Source
from pelton.event_sources.sources.directory import Directory
from pelton.event_sources.sources.jetstream import JetStream
from pelton.event_sources.sources.kafka import Kafka
from pelton.event_sources.sources.mqtt import Mqtt
from pelton.event_sources.sources.nats import Nats
from pelton.event_sources.sources.postgres import Postgres
from pelton.event_sources.sources.rabbitmq import RabbitMQ
from pelton.event_sources.sources.redis_pubsub import RedisPubSub
from pelton.event_sources.sources.redis_stream import RedisStream
from pelton.event_sources.sources.websocket import WebSocket
from tests.event_sources.servers.base import Server
from tests.event_sources.servers.mosquitto import Mosquitto
from tests.event_sources.servers.postgres import PostgresServer
from tests.event_sources.servers.rabbitmq import RabbitServer
from tests.event_sources.servers.websocket import WebSocketServer

from .row import Row

# Of Kafka's, twice as many as its client reads ahead: what is measured lasts.
MESSAGES, KAFKA, FILES, ROUNDS, BODY = (
    10_000,
    200_000,
    1_000,
    2,
    b'{"n": 1, "text": "something to read"}',
)
_names = (f"bench{number}" for number in count())

# (address, name) -> a source of what is there under that name
Make = Callable[[str, str], Source]
Put = Callable[[str, str], Awaitable[None]]
Floor = Callable[[str, str], Awaitable[float]]


def measure() -> list[Row]:
    """Messages a second."""
    rows: list[Row] = []
    with server("nats-server", "-a", "127.0.0.1", "-js", "-sd", "{folder}", "-p") as port:
        address = f"nats://127.0.0.1:{port}"
        rows += asyncio.run(pairs("JetStream", address, put_jetstream, floor_jetstream, _jetstream))
        rows += asyncio.run(pushed("NATS", address, floor_nats, _nats, push_nats))
    with server("redis-server", "--bind", "127.0.0.1", "--save", "", "--port") as port:
        address = f"redis://127.0.0.1:{port}/0"
        rows += asyncio.run(pairs("Redis streams", address, put_redis, floor_redis, _redis))
        rows += asyncio.run(pushed("Redis pub/sub", address, floor_pubsub, _pubsub, push_pubsub))
    with kafka() as address:
        rows += asyncio.run(kafka_pairs(address))
    with of_tests(Mosquitto) as address:
        rows += asyncio.run(pairs("MQTT", address, put_mqtt, floor_mqtt, _mqtt))
    with of_tests(RabbitServer) as address:
        rows += asyncio.run(pairs("RabbitMQ", address, put_rabbit, floor_rabbit, _rabbit))
    with of_tests(PostgresServer) as address:
        rows += asyncio.run(pushed("PostgreSQL", address, floor_postgres, _postgres, push_postgres))
    with of_tests(WebSocketServer) as address:
        rows += asyncio.run(pairs("WebSocket", address, put_websocket, floor_websocket, _websocket))
    with tempfile.TemporaryDirectory() as folder:
        rows += asyncio.run(pairs("a directory", folder, put_files, floor_files, _directory, FILES))
    return rows


def _jetstream(address: str, name: str) -> Source:
    return JetStream(address, stream=name, durable="ours")


def _nats(address: str, name: str) -> Source:
    return Nats(address, subject=name, buffer=MESSAGES)


def _redis(address: str, name: str) -> Source:
    return RedisStream(address, stream=name, group="ours")


def _pubsub(address: str, name: str) -> Source:
    return RedisPubSub(address, channel=name, buffer=MESSAGES)


def _mqtt(address: str, name: str) -> Source:
    return Mqtt(address, topic=name, client_id=name)


def _rabbit(address: str, name: str) -> Source:
    return RabbitMQ(address, queue=name, make="classic")


def _postgres(address: str, name: str) -> Source:
    return Postgres(address, channel=name, buffer=MESSAGES)


def _websocket(address: str, name: str) -> Source:
    return WebSocket(f"{address}/flood/{MESSAGES}/{len(BODY)}", buffer=MESSAGES)


def _directory(address: str, name: str) -> Source:
    return Directory(Path(address, name))


async def pairs(
    what: str, address: str, put: Put, floor: Floor, make: Make, messages: int = MESSAGES
) -> list[Row]:
    """Of brokers that keep messages: those that are there when it begins."""
    found = {0: 0.0, 1: 0.0, 100: 0.0}
    for _ in range(ROUNDS):
        for batch in found:
            name = next(_names)
            await put(address, name)
            if batch:
                rate = await ours(make(address, name), batch, messages)
            else:
                rate = await floor(address, name)
            found[batch] = max(found[batch], rate)
    return _rows(what, found)


async def pushed(
    what: str, address: str, floor: Callable[..., Awaitable[float]], make: Make, push: Put
) -> list[Row]:
    """Of brokers that keep none: sent when everybody listens."""
    found = {0: 0.0, 1: 0.0, 100: 0.0}
    for _ in range(ROUNDS):
        for batch in found:
            name = next(_names)
            if batch:
                source = make(address, name)
                rate = await ours(source, batch, MESSAGES, lambda name=name: push(address, name))
            else:
                rate = await floor(address, name, push)
            found[batch] = max(found[batch], rate)
    return _rows(what, found)


def _rows(what: str, found: dict[int, float]) -> list[Row]:
    return [
        Row(
            f"{what}, no-op handler, batches of {batch}, over the client's own loop",
            found[0],
            found[batch],
            "/s",
            value=found[batch] / found[0],
            bound=0.6,
            at_least=True,
        )
        for batch in found
        if batch
    ]


async def ours(
    source: Source,
    batch: int,
    messages: int,
    begin: Callable[[], Awaitable[None]] | None = None,
    from_first: bool = False,
) -> float:
    """Until the last one is acknowledged."""
    seen, start, done = 0, 0.0, asyncio.Event()

    def handle(given: Batch) -> None:
        nonlocal seen, start
        if from_first and not seen:
            start = time.perf_counter()
        seen += len(given.messages)
        if seen >= messages:
            done.set()

    delivery = Delivery(source, handle, Rules(batch=batch, in_flight=2000))
    start = time.perf_counter()
    await delivery.start()
    if begin is not None:
        while delivery.status.state != "ready":
            await asyncio.sleep(0.001)
        start = time.perf_counter()
        await begin()
    await done.wait()
    while delivery.held:
        await asyncio.sleep(0)
    seconds = time.perf_counter() - start
    await delivery.stop()
    return messages / seconds


# -- JetStream
async def put_jetstream(address: str, name: str) -> None:
    import nats

    client = await nats.connect(address)
    stream = client.jetstream()
    await stream.add_stream(name=name, subjects=[name])
    await asyncio.gather(*[await stream.publish_async(name, BODY) for _ in range(MESSAGES)])
    await client.close()


async def floor_jetstream(address: str, name: str) -> float:
    import nats

    start = time.perf_counter()
    client = await nats.connect(address)
    taking = await client.jetstream().pull_subscribe(name, "floor", stream=name)
    seen = 0
    while seen < MESSAGES:
        found = await taking.fetch(1000, timeout=5)
        for each in found:
            await each.ack()
        seen += len(found)
    await client.flush()
    seconds = time.perf_counter() - start
    await client.close()
    return MESSAGES / seconds


# -- NATS
async def push_nats(address: str, name: str) -> None:
    import nats

    client = await nats.connect(address)
    for _ in range(MESSAGES):
        await client.publish(name, BODY)
    await client.flush()
    await client.close()


async def floor_nats(address: str, name: str, push: Put) -> float:
    """By iteration.  A bare callback, in which no message can wait, be tried again or be in order,
    makes three times as many: of that, ours are a quarter to two fifths."""
    import nats

    client = await nats.connect(address)
    listening = await client.subscribe(name)
    await client.flush()
    start = time.perf_counter()
    await push(address, name)
    seen = 0
    async for _ in listening.messages:
        seen += 1
        if seen == MESSAGES:
            break
    seconds = time.perf_counter() - start
    await client.close()
    return MESSAGES / seconds


# -- Redis streams
async def put_redis(address: str, name: str) -> None:
    from redis.asyncio import Redis

    async with Redis.from_url(address) as client, client.pipeline(transaction=False) as line:
        for _ in range(MESSAGES):
            line.xadd(name, {"data": BODY})
        await line.execute()


async def floor_redis(address: str, name: str) -> float:
    from redis.asyncio import Redis

    start = time.perf_counter()
    async with Redis.from_url(address) as client:
        await client.xgroup_create(name, "floor", id="0")
        seen = 0
        while seen < MESSAGES:
            found: Any = await client.xreadgroup("floor", "c", {name: ">"}, count=1000)
            entries = found[name.encode()][0] if isinstance(found, dict) else found[0][1]
            await client.xack(name, "floor", *(id for id, _ in entries))
            seen += len(entries)
        return MESSAGES / (time.perf_counter() - start)


# -- Redis pub/sub
async def push_pubsub(address: str, name: str) -> None:
    from redis.asyncio import Redis

    async with Redis.from_url(address) as client, client.pipeline(transaction=False) as line:
        for _ in range(MESSAGES):
            line.publish(name, BODY)
        await line.execute()


async def floor_pubsub(address: str, name: str, push: Put) -> float:
    from redis.asyncio import Redis

    async with Redis.from_url(address) as client, client.pubsub() as channels:
        await channels.subscribe(name)
        await channels.get_message(timeout=5)
        start = time.perf_counter()
        await push(address, name)
        seen = 0
        async for _ in channels.listen():
            seen += 1
            if seen == MESSAGES:
                break
        return MESSAGES / (time.perf_counter() - start)


# -- Kafka
@contextmanager
def kafka() -> Iterator[str]:
    """The mock cluster that comes with the client library, in a process of its own: it has sockets
    and the protocol, and keeps messages in memory.  The topics are there."""
    program = [sys.executable, "-m", "benchmarks.kafka_mock", *map(_topic, range(6 * ROUNDS))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(program, text=True, **pipes) as running:  # type: ignore[call-overload]
        yield running.stdout.readline().strip()
        running.stdin.close()


async def kafka_pairs(address: str) -> list[Row]:
    """From the first message on: to join a group takes as long for all."""
    rows, names = [], map(_topic, count())
    for batch in (1, 100):
        blocking = awaited = mine = 0.0
        for _ in range(ROUNDS):
            name = next(names)
            await asyncio.to_thread(put_kafka, address, name)
            blocking = max(blocking, await asyncio.to_thread(floor_kafka, address, name, batch))
            awaited = max(awaited, await floor_kafka_awaited(address, name, batch))
            source = Kafka(address, topic=name, group=f"ours-{name}")
            mine = max(mine, await ours(source, batch, KAFKA, from_first=True))
        rows += _rows("Kafka (asyncio client)", {0: awaited, batch: mine})
        rows += _rows("Kafka (blocking client)", {0: blocking, batch: mine})
    return rows


def _topic(number: int) -> str:
    return f"topic{number}"


def put_kafka(address: str, name: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": address, "queue.buffering.max.messages": KAFKA})
    for number in range(KAFKA):
        producer.produce(name, BODY, f"k{number % 50}")
    assert producer.flush(60) == 0


def floor_kafka(address: str, name: str, batch: int) -> float:
    """As its documents say it: one by one, each looked at for an error, handled, noted as done and
    committed by the library from time to time; or a hundred, and those committed."""
    from confluent_kafka import Consumer

    noted = {"enable.auto.offset.store": False} if batch == 1 else {"enable.auto.commit": False}
    client = Consumer({**_reader(address, f"blocking-{name}"), **noted})
    client.subscribe([name])
    while client.poll(10) is None:
        pass
    start, seen = time.perf_counter(), 1

    def handle(body: bytes) -> None:
        nonlocal seen
        seen += 1

    while seen < KAFKA:
        if batch == 1:
            if (found := client.poll(10)) is not None:
                if found.error():
                    raise RuntimeError(found.error())
                handle(found.value())
                client.store_offsets(found)
        elif many := client.consume(batch, 1):
            client.commit(asynchronous=False)
            seen += len(many)
    seconds = time.perf_counter() - start
    client.close()
    return KAFKA / seconds


async def floor_kafka_awaited(address: str, name: str, batch: int) -> float:
    from confluent_kafka.aio import AIOConsumer

    messages = KAFKA if batch > 1 else KAFKA // 40  # it takes so much longer one by one
    client = AIOConsumer({**_reader(address, f"awaited-{name}"), "enable.auto.commit": False})
    await client.subscribe([name])
    while await client.poll(10) is None:
        pass
    start, seen = time.perf_counter(), 1
    while seen < messages:
        if found := await client.consume(batch, 1):
            await client.commit()
            seen += len(found)
    seconds = time.perf_counter() - start
    await client.close()
    return messages / seconds


def _reader(address: str, group: str) -> dict[str, Any]:
    return {"bootstrap.servers": address, "group.id": group, "auto.offset.reset": "earliest"}


# -- MQTT
async def put_mqtt(address: str, name: str) -> None:
    """Kept for a client of that name, which the reader is then."""
    source = _mqtt(address, name)
    await source.open()
    await source.close()
    await asyncio.to_thread(_publish, address, name)


def _publish(address: str, name: str) -> None:
    client = _paho(address, "", clean=True)
    client.loop_start()
    for _ in range(MESSAGES):
        sent = client.publish(name, BODY, 1)
    sent.wait_for_publish()
    client.disconnect()
    client.loop_stop()


async def floor_mqtt(address: str, name: str) -> float:
    """paho's own loop: acknowledged in the callback."""
    return await asyncio.to_thread(_consume, address, name)


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


# -- RabbitMQ
async def put_rabbit(address: str, name: str) -> None:
    import aio_pika

    async with await aio_pika.connect(address) as connection:
        channel = await connection.channel(publisher_confirms=False)
        await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "classic"})
        for _ in range(MESSAGES):
            await channel.default_exchange.publish(aio_pika.Message(BODY), name)
        while (await channel.declare_queue(name, passive=True)).declaration_result.message_count < (
            MESSAGES
        ):
            await asyncio.sleep(0.01)


async def floor_rabbit(address: str, name: str) -> float:
    """aio-pika's own iterator, and each message's `ack`."""
    import aio_pika

    start = time.perf_counter()
    async with await aio_pika.connect(address) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1000)
        seen = 0
        async with (await channel.get_queue(name)).iterator() as messages:
            async for message in messages:
                await message.ack()
                seen += 1
                if seen == MESSAGES:
                    break
        seconds = time.perf_counter() - start
    return MESSAGES / seconds


# -- PostgreSQL
async def push_postgres(address: str, name: str) -> None:
    """In one transaction; equal ones would be one."""
    from psycopg import AsyncConnection

    said = "select pg_notify(%s, %s || n) from generate_series(1, %s) n"
    async with await AsyncConnection.connect(address) as client:
        await client.execute(said, (name, BODY.decode(), MESSAGES))


async def floor_postgres(address: str, name: str, push: Put) -> float:
    """psycopg's own iterator, which has as many at once as the socket gives and makes of each no
    more than a tuple."""
    from psycopg import AsyncConnection, sql

    async with await AsyncConnection.connect(address, autocommit=True) as client:
        await client.execute(sql.SQL("listen {}").format(sql.Identifier(name)))
        start = time.perf_counter()
        await push(address, name)
        seen = 0
        async for _ in client.notifies():
            seen += 1
            if seen == MESSAGES:
                break
        return MESSAGES / (time.perf_counter() - start)


# -- WebSocket
async def put_websocket(address: str, name: str) -> None:
    """Nothing: the server sends as many as the path says, to who connects."""


async def floor_websocket(address: str, name: str) -> float:
    """The library's own iterator."""
    from websockets.asyncio.client import connect

    start = time.perf_counter()
    async with connect(f"{address}/flood/{MESSAGES}/{len(BODY)}", proxy=None) as client:
        seen = 0
        async for _ in client:
            seen += 1
            if seen == MESSAGES:
                break
        return MESSAGES / (time.perf_counter() - start)


# -- a directory
async def put_files(address: str, name: str) -> None:
    folder = Path(address, name)
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number:05d}").write_bytes(BODY)


async def floor_files(address: str, name: str) -> float:
    """Claimed by a rename, read, and moved away."""
    start = time.perf_counter()
    folder = Path(address, name)
    for each in ("claimed", "done"):
        (folder / each).mkdir()
    for file in sorted(os.listdir(folder)):
        if (folder / file).is_file():
            claimed = folder / "claimed" / file
            (folder / file).rename(claimed)
            claimed.read_bytes()
            claimed.rename(folder / "done" / file)
    return FILES / (time.perf_counter() - start)


@contextmanager
def server(program: str, *arguments: str) -> Iterator[int]:
    """A server of the environment on a free port; its folder is "{folder}" in the arguments."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port = int(made.getsockname()[1])
    beside = Path(sys.executable).with_name(program)
    path = str(beside) if beside.exists() else shutil.which(program)
    assert path is not None, f"there is no {program}"
    with tempfile.TemporaryDirectory() as folder:
        given = [each.format(folder=folder) for each in arguments]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        running = subprocess.Popen([path, *given, str(port)], **quiet)  # type: ignore[call-overload]
        try:
            _answers(port)
            yield port
        finally:
            running.kill()
            running.wait()


@contextmanager
def of_tests(kind: type[Server]) -> Iterator[str]:
    """A server as the tests have it; its address."""
    with tempfile.TemporaryDirectory() as folder:
        running = kind(Path(folder))
        try:
            yield running.url
        finally:
            running.stop()


def _answers(port: int) -> None:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.01)


if __name__ == "__main__":
    print("\n".join(each.line() for each in measure()))
