"""LISTEN and NOTIFY, against a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pelton.event_sources import Away, Delivery, Rules, WrongSource
from pelton.event_sources.sources.postgres import Postgres

from .bench import Bench, Seen, until
from .promises import PromiseTests
from .servers.postgres import PostgresServer

_numbers = count()


class PostgresBench:
    """A channel, and a table of dead letters."""

    def __init__(self, server: PostgresServer) -> None:
        number = next(_numbers)
        self.server, self.channel, self.dead = server, f"Orders {number}", f"dead_{number}"
        self.kill, self.start = server.kill, server.start

    def source(self, lease: float = 30.0) -> Postgres:
        return Postgres(self.server.url, channel=self.channel)

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        async with await self._client() as client:
            for _, body in bodies:
                await client.execute("select pg_notify(%s, %s)", (self.channel, body.decode()))

    async def letters(self) -> list[tuple[bytes, Mapping[str, str]]]:
        async with await self._client() as client:
            select = sql.SQL("select body, headers from {} order by id")
            found = await client.execute(select.format(sql.Identifier(self.dead)))
            return [(body.encode(), headers) for body, headers in await found.fetchall()]

    async def _client(self) -> Any:
        return await psycopg.AsyncConnection.connect(self.server.url, autocommit=True)


class TestPostgres(PromiseTests):
    promises = Postgres.promises

    @pytest.fixture
    def bench(self, postgres_server: PostgresServer) -> Bench:
        return PostgresBench(postgres_server)


def test_a_notification_comes_when_its_transaction_commits(postgres_server: PostgresServer) -> None:
    async def run() -> None:
        bench, seen = PostgresBench(postgres_server), Seen()
        async with Delivery(bench.source(), seen) as delivery:
            await until(lambda: delivery.status.state == "ready")
            async with await bench._client() as client:
                for last in ("rolled back", "committed"):
                    await client.execute("begin")
                    for body in ("twice", "twice", last):
                        await client.execute("select pg_notify(%s, %s)", (bench.channel, body))
                    await client.execute("rollback" if last == "rolled back" else "commit")
            await seen.until(lambda seen: b"committed" in seen.done)
        assert seen.bodies == [b"twice", b"committed"]  # equal ones of a transaction are one

    asyncio.run(run())


def test_a_slow_handler_leaves_what_waits_to_the_server(postgres_server: PostgresServer) -> None:
    async def run() -> None:
        bench = PostgresBench(postgres_server)
        source = Postgres(postgres_server.url, channel=bench.channel, buffer=10)
        await source.open()
        await bench.publish([("k", f"{n}".encode()) for n in range(500)])
        found = list[bytes]()
        while len(found) < 500:
            found += [each.body for each in await source.receive(7, 30)]
            assert len(source._buffer._waiting) <= 10
        assert found == [f"{n}".encode() for n in range(500)]
        await source.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:secret@127.0.0.1:1/shop", "postgres at 127.0.0.1:1/shop: "),
        ("postgresql://127.0.0.1:PORT/nowhere?user=pelton", 'database "nowhere" does not exist'),
        ("postgresql://nobody:secret@127.0.0.1:PORT/postgres", 'role "nobody" does not exist'),
    ],
)
def test_why_it_is_away(postgres_server: PostgresServer, url: str, said: str) -> None:
    source = Postgres(url.replace("PORT", str(postgres_server.port)), channel="orders")
    with pytest.raises(Away) as caught:
        asyncio.run(source.open())
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_name_that_no_channel_has_is_refused() -> None:
    for channel in ("", "x" * 64, "a\0b"):
        with pytest.raises(WrongSource, match="at most 63 bytes"):
            Postgres("postgresql://127.0.0.1/shop", channel=channel)


def test_dead_letters_of_many_workers_make_one_table(postgres_server: PostgresServer) -> None:
    async def run() -> None:
        bench = PostgresBench(postgres_server)

        async def fail(batch: object) -> None:
            raise ValueError("never")

        from pelton.event_sources.dead_letters import ToBroker

        rules, letters = Rules(attempts=1), ToBroker(bench.dead)
        made = [Delivery(bench.source(), fail, rules, dead_letters=letters) for _ in range(5)]
        for each in made:
            await each.start()
        await until(lambda: all(each.status.state == "ready" for each in made))
        await bench.publish([("k", b"x")])
        await until(lambda: all(each.tally.buried == 1 for each in made))
        for each in made:
            await each.stop()
        found = await bench.letters()
        assert [body for body, _ in found] == [b"x"] * 5
        assert {headers["dead-letter-reason"] for _, headers in found} == {"ValueError: never"}

    asyncio.run(run())
