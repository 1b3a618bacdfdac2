"""Kafka beside the blocking client and the asyncio one, which take as many at a time as ours hands
out: in the first the library does nothing in Python."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from pelton.event_sources.sources.kafka import Kafka

from ..row import Row
from .shape import BODY, ROUNDS, consumed, row

KAFKA = 200_000  # twice as many as the client reads ahead: what is measured lasts


@contextmanager
def kafka() -> Iterator[str]:
    """The mock cluster that comes with the client library, in a process of its own: it has sockets
    and the protocol, and keeps messages in memory.  The topics are there."""
    program = [sys.executable, "-m", "benchmarks.kafka_mock", *map(_topic, range(6 * ROUNDS))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(program, text=True, **pipes) as running:  # type: ignore[call-overload]
        yield running.stdout.readline().strip()
        running.stdin.close()


async def kafka_rows(address: str) -> list[Row]:
    """From the first message on: to join a group takes as long for all."""
    rows, names = [], map(_topic, count())
    for batch in (1, 100):
        blocking = awaited = mine = 0.0
        for _ in range(ROUNDS):
            name = next(names)
            await asyncio.to_thread(_put, address, name)
            blocking = max(blocking, await asyncio.to_thread(_blocking, address, name, batch))
            awaited = max(awaited, await _awaited(address, name, batch))
            source = Kafka(address, topic=name, group=f"ours-{name}")
            mine = max(mine, await consumed(source, batch, KAFKA, from_first=True))
        rows.append(row("Kafka (asyncio client)", batch, awaited, mine))
        rows.append(row("Kafka (blocking client)", batch, blocking, mine))
    return rows


def _topic(number: int) -> str:
    return f"topic{number}"


def _put(address: str, name: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": address, "queue.buffering.max.messages": KAFKA})
    for number in range(KAFKA):
        producer.produce(name, BODY, f"k{number % 50}")
    assert producer.flush(60) == 0


def _blocking(address: str, name: str, batch: int) -> float:
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


async def _awaited(address: str, name: str, batch: int) -> float:
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
