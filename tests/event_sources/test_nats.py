"""NATS core, against a real nats-server."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

import pytest

from pelton.event_sources import Away, Delivery
from pelton.event_sources.sources.nats import Nats
from pelton.event_sources.sources.nats_wire import Connection, NatsOptions

from .bench import Bench, Seen, until
from .promises import PromiseTests
from .servers.nats import NatsServer

_numbers = count()


class NatsBench:
    """Subjects NAME.KEY; its dead letters are caught by a stream, for they are kept by nobody."""

    def __init__(self, server: NatsServer) -> None:
        self.server, self.name = server, f"c{next(_numbers)}"
        self.dead = f"dead-{self.name}"
        self.kill, self.start = server.kill, server.start

    def source(self, lease: float = 30.0) -> Nats:
        return Nats(self.server.url, subject=f"{self.name}.*")

    async def prepare(self) -> None:
        client = await self._client()
        await client.jetstream().add_stream(name=self.dead, subjects=[self.dead])
        await client.close()

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        client = await self._client()
        for key, body in bodies:
            await client.publish(f"{self.name}.{key}", body)
        await client.flush()
        await client.close()

    async def letters(self) -> list[tuple[bytes, Mapping[str, str]]]:
        client = await self._client()
        found = await client.jetstream().pull_subscribe(self.dead, "reader", stream=self.dead)
        messages = await found.fetch(100, timeout=1)
        await client.close()
        return [(each.data, each.headers) for each in messages]

    async def _client(self) -> Any:
        import nats

        return await nats.connect(self.server.url)


class TestNats(PromiseTests):
    promises = Nats.promises

    @pytest.fixture
    def bench(self, nats_server: NatsServer) -> Bench:
        made = NatsBench(nats_server)
        asyncio.run(made.prepare())
        return made


def test_members_of_a_queue_share_the_messages(nats_server: NatsServer) -> None:
    async def run() -> None:
        bench, one, other = NatsBench(nats_server), Seen(), Seen()
        deliveries = [
            Delivery(Nats(nats_server.url, subject=f"{bench.name}.>", queue="all"), seen)
            for seen in (one, other)
        ]
        for each in deliveries:
            await each.start()
        await until(lambda: all(each.status.state == "ready" for each in deliveries))
        await bench.publish([("k", str(n).encode()) for n in range(50)])
        await until(lambda: len(one.done) + len(other.done) >= 50)
        for each in deliveries:
            await each.stop()
        assert sorted([*one.done, *other.done]) == sorted(str(n).encode() for n in range(50))

    asyncio.run(run())


def test_a_password_that_is_not_shown(nats_server: NatsServer) -> None:
    async def run() -> None:
        options = NatsOptions(user="ann", password="hidden")
        source = Nats("nats://127.0.0.1:1", subject="a", options=options)
        with pytest.raises(Away, match=r"^nats://127.0.0.1:1: ") as failed:
            await source.open()
        assert "hidden" not in f"{failed.value} {options}"

    asyncio.run(run())


def test_a_slow_consumer_grows_no_memory(nats_server: NatsServer) -> None:
    """What comes when all places are taken is dropped, and leaves nothing behind."""

    async def run() -> None:
        bench, go = NatsBench(nats_server), asyncio.Event()

        async def wait(raw: Any) -> None:
            await go.wait()

        connection = Connection(nats_server.url, None)
        await connection.open()
        subject = f"{bench.name}.*"
        await connection.client.subscribe(subject, cb=wait, pending_msgs_limit=10)
        await connection.flush()
        tracemalloc.start()
        try:
            grown = []
            for _ in range(2):  # the first time, places are taken
                await bench.publish([("k", b"x") for _ in range(3000)])
                await connection.flush()
                grown.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
        go.set()
        await connection.close()
        assert grown[1] - grown[0] < 100_000, "a hundred bytes of each message would be 300,000"

    asyncio.run(run())
