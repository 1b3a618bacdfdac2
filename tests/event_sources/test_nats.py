"""NATS core, against a real nats-server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest
from nats.errors import Error

from pelton.event_sources import Away, Delivery
from pelton.event_sources.sources.nats import Nats
from pelton.event_sources.sources.nats_access import NatsOptions
from pelton.event_sources.sources.nats_pull import Pull
from pelton.event_sources.sources.nats_wire import Connection

from .bench import PATIENCE, Bench, Seen, until
from .let_in import sockets_to
from .on_nats import OnNats
from .promises import PromiseTests
from .servers.nats import NatsServer
from .servers.proxy import Proxy


class NatsBench(OnNats):
    """Its dead letters are caught by a stream, for they are kept by nobody."""

    def source(self, lease: float = 30.0) -> Nats:
        return Nats(self.server.url, subject=f"{self.name}.*")

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        client = await self.client()
        for key, body in bodies:
            await client.publish(f"{self.name}.{key}", body)
        await client.flush()
        await client.close()


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


@pytest.mark.parametrize("turns", range(20, 30))
def test_a_connection_that_is_cut_while_it_says_much_is_known_to_be_gone(
    nats_server: NatsServer, turns: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Its client forgets to say so when it could not send its last words, and a source waited for
    ever; in one turn of the loop or another that is so.  Nothing is left of it either."""

    async def talk(connection: Connection) -> None:
        with contextlib.suppress(Away, Error, OSError):
            while True:
                await connection.client.publish("nobody", b"x" * 100)
                await asyncio.sleep(0)

    async def run() -> None:
        async with Proxy(nats_server.port) as proxy:
            connection = Connection(f"nats://127.0.0.1:{proxy.port}", None)
            await connection.open()
            talking = asyncio.ensure_future(talk(connection))
            for _ in range(turns):
                await asyncio.sleep(0)
            proxy.cut()
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(Away):
                    await connection.alive(asyncio.Event().wait())
            await connection.close()
            await talking
            assert not sockets_to(proxy.port)

    asyncio.run(run())
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_a_request_for_messages_that_the_server_forgot_is_made_again() -> None:
    class Forgetful:
        """As a client of a server that hands its consumer to another one."""

        asked = 0

        def new_inbox(self) -> str:
            return "inbox"

        async def subscribe(self, subject: str, cb: object) -> object:
            return subject, cb

        async def publish(self, subject: str, wanted: bytes, inbox: str) -> None:
            self.asked += 1

    async def run() -> None:
        client = Forgetful()
        pull = Pull(client, "stream", "consumer", lost_after=0.0)
        await pull.open()
        async with asyncio.timeout(PATIENCE):
            while client.asked < 3:
                assert await pull.take(1, 0.001) == []

    asyncio.run(run())
