"""One worker of several reads a source; what bridges share, they do once."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pelton.bridge.bridge import Shared, Way, delivery
from pelton.cli import command
from pelton.event_sources import Alone, Backoff, Delivery, Message, Rules, Source
from pelton.event_sources.sources.jetstream import JetStream
from pelton.event_sources.sources.memory import Memory
from pelton.event_sources.sources.redis_stream import RedisStream
from pelton.event_sources.stores import Store
from pelton.event_sources.stores.memory import MemoryStore
from pelton.event_sources.stores.sqlite import SqliteStore
from pelton.handlers.triggers import Nats, Redis

from .bench import Seen, until
from .servers.redis import RedisServer

_numbers = count()
SOON = Backoff(first=0.01, longest=0.05)


LEASE = 0.3


def stands_still() -> float:
    """A time in which no claim ends, however slow the machine is."""
    return 0.0


def worker(
    store: MemoryStore, seen: Seen, source: Memory, steady: Callable[[], float] = stands_still
) -> Delivery:
    alone = Alone(source, store, "orders", lease=LEASE, steady=steady)
    return Delivery(alone, seen, Rules(), reconnect=SOON)


def test_the_second_stands_by_until_the_first_has_ended() -> None:
    async def run() -> None:
        store, seen = MemoryStore(stands_still), [Seen(), Seen()]
        sources = [Memory([b"1", b"2"]), Memory([b"3"])]
        first, second = (worker(store, s, m) for s, m in zip(seen, sources, strict=True))
        async with first:
            await until(lambda: first.tally.done == 2)
            await second.start()
            await until(lambda: second.status.state == "standby")
            assert second.status.reason == "another worker reads orders"
            assert seen[1].bodies == []
        await until(lambda: second.tally.done == 1)
        assert seen[1].bodies == [b"3"]
        await second.stop()
        assert (second.status.state, second.tally.reconnects) == ("stopped", 0)

    asyncio.run(run())


class Dying(MemoryStore):
    """A store that one worker cannot reach any more."""

    gone = False

    async def renew(self, tokens: Mapping[str, str], seconds: float) -> None:
        if self.gone:
            raise OSError("no route")
        await super().renew(tokens, seconds)


def test_who_cannot_renew_its_claim_lets_go_before_another_begins() -> None:
    async def run() -> None:
        store, seen = Dying(), Seen()
        source = Memory([])
        async with worker(store, seen, source, time.monotonic) as made:
            await until(lambda: made.status.state == "ready")
            store.gone = True
            await until(lambda: made.status.state == "unhealthy")
            assert "another worker may read it now" in made.status.reason
            store.gone = False
            await until(lambda: made.status.state == "ready")

    asyncio.run(run())


class Counting(MemoryStore):
    """How often a claim was renewed."""

    renewed = 0

    async def renew(self, tokens: Mapping[str, str], seconds: float) -> None:
        await super().renew(tokens, seconds)
        self.renewed += 1

    async def renewal(self) -> None:
        """Come back after the next one."""
        before = self.renewed
        await until(lambda: self.renewed > before)


def test_a_claim_is_held_for_as_long_as_its_worker_lives() -> None:
    async def run() -> None:
        now = 0.0
        store, seen = Counting(lambda: now), Seen()
        async with worker(store, seen, Memory([]), lambda: now) as first:
            await until(lambda: first.status.state == "ready")
            async with worker(store, seen, Memory([b"x"]), lambda: now) as second:
                for _ in range(6):
                    now += LEASE * 0.8
                    await store.renewal()
                assert (first.status.state, second.status.state) == ("ready", "standby")
                assert seen.bodies == []

    asyncio.run(run())


def test_what_a_killed_one_held_comes_before_what_is_behind_it(redis_server: RedisServer) -> None:
    """Each has a store of its own: the claim of the killed one is over."""

    async def run() -> None:
        made = Bridges(redis_server, MemoryStore())
        one, two = (
            Alone(RedisStream(made.url, stream=made.stream), MemoryStore(), "orders")
            for _ in range(2)
        )
        await one.open()
        await made.send(("a", "1"), ("b", "2"))
        held = [each.body for each in await taken(one, 2)]
        await two.open()
        await made.send(("c", "3"))
        assert [each.body for each in await taken(two, 3)] == [*held, b"3"]
        for each in (one, two):
            await each.close()

    asyncio.run(run())


async def taken(source: Source, many: int) -> list[Message]:
    found: list[Message] = []
    while len(found) < many:
        found += [each for each in await source.receive(10, 1.0) if isinstance(each, Message)]
    return found


def test_a_bridge_that_is_alone_tells_its_source() -> None:
    """On JetStream what nobody holds any more is waited for, then."""
    way = Way("take", Nats(url="nats://127.0.0.1:1", subject="orders", stream="ORDERS"), 3)
    waits = []
    for alone in (False, True):
        source = Shared(MemoryStore(), alone=alone).source(way, {})
        found = source.source if isinstance(source, Alone) else source
        assert isinstance(found, JetStream)
        waits.append(found.alone)
    assert waits == [False, True]


# -- bridges
class Bridges:
    """Bridges beside each other, of one stream; what the function was called with."""

    def __init__(self, server: RedisServer, store: Store) -> None:
        self.url, self.stream, self.store = f"{server.url}/0", f"alone{next(_numbers)}", store
        self.called: list[tuple[str, str]] = []

    def bridge(self, name: str, **words: Any) -> Delivery:
        async def call(payload: dict[str, Any]) -> Any:
            self.called += [(name, each["body"]) for each in payload["Records"]]
            return {"batchItemFailures": []}

        trigger = Redis(url=self.url, stream=self.stream)
        way = Way("take", trigger, 3)
        return delivery(way, call, lambda *_: None, shared=Shared(self.store, **words))

    async def send(self, *entries: tuple[str, str]) -> None:
        """(order, body): what its sender sends twice has one order."""
        from redis.asyncio import Redis as Client

        async with Client.from_url(self.url) as client:
            for order, body in entries:
                await client.xadd(self.stream, {"data": body, "order": order})


def test_bridges_that_share_a_store_hand_no_copy_out(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    async def run() -> None:
        made = Bridges(redis_server, SqliteStore(tmp_path / "bridge.db"))
        await made.send(*((f"o{n % 20}", str(n % 20)) for n in range(60)))
        words = {"once": True, "once_by": "order"}
        async with made.bridge("one", **words) as one, made.bridge("two", **words) as two:
            await until(lambda: one.tally.done + two.tally.done == 60)
        assert sorted(int(body) for _, body in made.called) == list(range(20))
        await made.store.close()

    asyncio.run(run())


def test_one_of_two_bridges_works_and_then_the_other(redis_server: RedisServer) -> None:
    async def run() -> None:
        made = Bridges(redis_server, MemoryStore())
        await made.send(("a", "1"))
        async with made.bridge("two", alone=True) as two:
            await until(lambda: two.tally.done == 1)
            async with made.bridge("one", alone=True) as one:
                await until(lambda: one.status.state == "standby")
                await made.send(("b", "2"), ("c", "3"))
                await until(lambda: two.tally.done == 3)
                assert one.tally.received == 0
        assert [name for name, _ in made.called] == ["two"] * 3

    asyncio.run(run())


APP = """
import pelton
app = pelton.App("shop")

@app.function(triggers=[pelton.redis(url="redis://127.0.0.1:1/0", stream="orders")])
def take(n: int) -> None: ...
"""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--once"], "--once needs --store: where bridges keep what they share"),
        (["--once-by", "id"], "--once needs --store"),
        (["--alone"], "--alone needs --store"),
        (["--store", "mysql://x"], "no store is at 'mysql://x'"),
    ],
)
def test_what_a_bridge_needs_beside_is_said(
    words: list[str], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "alone_shop.py").write_text(APP)
    done = CliRunner().invoke(command, ["bridge", str(tmp_path / "alone_shop.py"), *words])
    sys.modules.pop("alone_shop", None)
    assert done.exit_code == 2
    assert sentence in " ".join(done.output.split())
