"""Ticks of a clock: once over replicas and restarts, missed ones by what is said, clocks set."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.event_sources import Away, Batch, Delivery, Rules, WrongSource, source_of
from pelton.event_sources.dead_letters import Discard
from pelton.event_sources.sources.cron import Cron
from pelton.event_sources.stores import Claim, store_of
from pelton.event_sources.stores.memory import MemoryStore
from pelton.event_sources.stores.sqlite import SqliteStore

from .bench import until

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
HOUR, DAY = 3600.0, 86_400.0


class Clock:
    """Stands where it is set."""

    def __init__(self, at: float = NOON + 1) -> None:
        self.at = at

    def time(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Desk:
    """Replicas of one schedule, by one clock and one store."""

    def __init__(self, missed: str = "skip", *, every: int = 3600, max_age: float = DAY) -> None:
        self.clock = Clock()
        self.store = MemoryStore(now=self.clock.time)
        self._how: dict[str, Any] = {"missed": missed, "every": every, "max_age": max_age}

    async def replica(self) -> Cron:
        made = Cron(name="c", store=self.store, clock=self.clock, **self._how)
        await made.open()
        return made


async def run_all(source: Cron) -> list[str]:
    """The hours of the ticks that are there, each done at once."""
    found = []
    while got := await source.receive(10, 0):
        found += [each.position[11:13] for each in got]
        await source.ack(got)
    return found


@pytest.mark.parametrize(
    ("missed", "made_up_for"),
    [("skip", []), ("last", ["17"]), ("all", ["13", "14", "15", "16", "17"])],
)
@pytest.mark.parametrize("restarted", [True, False])
def test_what_becomes_of_missed_ticks(missed: str, made_up_for: list[str], restarted: bool) -> None:
    """Nobody listens for hours, or the clock is set forward."""

    async def run() -> None:
        desk = Desk(missed)
        source = await desk.replica()
        assert await run_all(source) == []  # it begins now: what was before is nobody's
        desk.clock.at = NOON + 5 * HOUR + 60
        if restarted:
            await source.close()
            source = await desk.replica()
        assert await run_all(source) == made_up_for
        desk.clock.at = NOON + 6 * HOUR + 3
        assert await run_all(source) == ["18"]
        assert await run_all(source) == []

    asyncio.run(run())


def test_missed_ticks_that_are_too_old_are_not_made_up_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run(missed: str) -> list[str]:
        desk = Desk(missed, max_age=2 * HOUR)
        source = await desk.replica()
        desk.clock.at = NOON + 5 * HOUR + 60
        return await run_all(source)

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(run("all")) == ["16", "17"]
    assert "from 2026-01-01T13:00:00Z to before 2026-01-01T16:00:00Z were missed" in caplog.text


def test_of_replicas_one_has_a_tick_and_they_never_overlap() -> None:
    async def run() -> None:
        desk = Desk("all")
        one, other = await desk.replica(), await desk.replica()
        desk.clock.at = NOON + HOUR
        (tick,) = await one.receive(10, 0)
        assert (tick.position, tick.timestamp) == ("2026-01-01T13:00:00Z", NOON + HOUR)
        assert await other.receive(10, 0) == []
        assert await one.receive(10, 0) == []
        for minutes in range(60):  # it takes an hour, and says that it lives
            desk.clock.at = NOON + HOUR + 60 * minutes
            await one.extend([tick])
            assert await other.receive(10, 0) == []
        desk.clock.at = NOON + 2 * HOUR
        await one.extend([tick])
        assert await other.receive(10, 0) == []
        await one.ack([tick])
        (later,) = await other.receive(10, 0)
        assert later.position == "2026-01-01T14:00:00Z"

    asyncio.run(run())


@pytest.mark.parametrize("missed", ["skip", "last", "all"])
def test_the_tick_of_a_dead_replica_is_anothers_when_its_lease_is_over(missed: str) -> None:
    async def run() -> None:
        desk = Desk(missed)
        dead, other = await desk.replica(), await desk.replica()
        desk.clock.at = NOON + HOUR
        (tick,) = await dead.receive(10, 0)
        assert await other.receive(10, 0) == []  # it has seen that the tick is there
        desk.clock.at += 61
        assert [each.id for each in await other.receive(10, 0)] == [tick.id]

    asyncio.run(run())


def test_what_is_given_back_is_anothers_at_once() -> None:
    async def run() -> None:
        desk = Desk()
        one, other = await desk.replica(), await desk.replica()
        desk.clock.at = NOON + HOUR
        (tick,) = await one.receive(10, 0)
        await one.requeue([tick])
        await one.close()
        assert [each.id for each in await other.receive(10, 0)] == [tick.id]

    asyncio.run(run())


def test_a_clock_that_is_set_back_runs_nothing_twice() -> None:
    async def run() -> None:
        desk = Desk("all")
        source = await desk.replica()
        desk.clock.at = NOON + 3 * HOUR
        assert await run_all(source) == ["13", "14", "15"]
        desk.clock.at = NOON + 1.5 * HOUR
        assert await run_all(source) == []
        assert await run_all(await desk.replica()) == []
        desk.clock.at = NOON + 4 * HOUR
        assert await run_all(source) == ["16"]

    asyncio.run(run())


@pytest.mark.parametrize("restarted", [True, False])
def test_a_clock_that_was_years_ahead_stops_nothing(restarted: bool) -> None:
    async def run() -> None:
        desk = Desk("last")
        source = await desk.replica()
        desk.clock.at = NOON + 3650 * DAY
        assert await run_all(source) == ["12"]
        desk.clock.at = NOON + 60
        if restarted:
            source = await desk.replica()
        assert await run_all(source) == []
        desk.clock.at = NOON + HOUR
        assert await run_all(source) == ["13"]

    asyncio.run(run())


def test_a_handler_slower_than_its_schedule_misses_what_comes_meanwhile() -> None:
    async def run(missed: str) -> list[str]:
        desk = Desk(missed)
        source = await desk.replica()
        desk.clock.at = NOON + HOUR
        first = await source.receive(10, 0)
        desk.clock.at = NOON + 4.5 * HOUR
        await source.ack(first)
        return await run_all(source)

    assert asyncio.run(run("skip")) == []
    assert asyncio.run(run("last")) == ["16"]
    assert asyncio.run(run("all")) == ["14", "15", "16"]


class Flaky(MemoryStore):
    """Is away when it is told to be."""

    away = False

    def _look(self) -> None:
        if self.away:
            raise Away("the store: gone")

    async def claim(self, keys: Sequence[str], seconds: float) -> list[Claim]:
        self._look()
        return await super().claim(keys, seconds)

    async def mark(self, key: str) -> float | None:
        self._look()
        return await super().mark(key)

    async def set_mark(self, key: str, value: float) -> None:
        self._look()
        await super().set_mark(key, value)


def test_a_store_that_is_away_makes_no_tick_come_twice() -> None:
    async def run() -> None:
        clock = Clock()
        store = Flaky(now=clock.time)
        source = Cron(name="c", every=3600, store=store, clock=clock, missed="all")
        store.away = True
        with pytest.raises(Away):
            await source.open()
        store.away = False
        await source.open()
        clock.at = NOON + HOUR
        tick = await source.receive(1, 0)
        store.away = True
        with pytest.raises(Away):
            await source.ack(tick)
        await source.close()
        with pytest.raises(Away):
            await source.open()
        store.away = False
        await source.open()
        assert await source.receive(1, 0) == []
        assert await store.mark("c") == NOON + HOUR

    asyncio.run(run())


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5000), st.booleans()), max_size=40))
def test_whoever_listens_whenever_each_tick_is_done_once_and_in_order(
    moves: list[tuple[int, int, bool]],
) -> None:
    """Three replicas that come, go and are killed; ticks of ten minutes, all made up for."""

    async def run() -> list[float]:
        desk, done, last = Desk("all", every=600), list[float](), NOON
        replicas: list[Cron | None] = [await desk.replica(), None, None]
        for who, seconds, killed in [*moves, (0, 0, False), (0, 700, False)]:
            desk.clock.at += seconds
            source = replicas[who] = replicas[who] or await desk.replica()
            while got := await source.receive(10, 0):
                if killed and who:
                    replicas[who] = None  # with the tick in its hand
                    break
                done += [each.timestamp or 0.0 for each in got]
                await source.ack(got)
        last = desk.clock.at // 600 * 600
        assert not done or done[-1] <= last
        return done

    done = asyncio.run(run())
    expected = itertools.count(NOON + 600, 600)
    assert all(one == other for one, other in zip(done, expected, strict=False)), done


def test_two_deliveries_run_each_tick_once_and_give_up_what_fails(tmp_path: Path) -> None:
    """An hour goes by with each tick; the second has no luck, and is not tried again."""

    async def run() -> list[str]:
        clock, seen, enough = Clock(), list[str](), asyncio.Event()

        async def handle(batch: Batch) -> None:
            (tick,) = batch.messages
            seen.append(tick.position[11:13])
            clock.at += HOUR
            if len(seen) == 5:
                enough.set()
            if tick.position[11:13] == "14":
                raise ValueError("no luck")

        def delivery() -> Delivery:
            store = SqliteStore(tmp_path / "c.db", now=clock.time)
            source = Cron(name="c", every=3600, store=store, missed="all", clock=clock, lease=DAY)
            return Delivery(source, handle, Rules(attempts=1), dead_letters=Discard())

        async with delivery() as one, delivery() as other:
            await until(lambda: one.status.state == other.status.state == "ready")
            clock.at += HOUR
            await enough.wait()
        return seen[:5]

    assert asyncio.run(run()) == ["13", "14", "15", "16", "17"]


def test_who_ends_while_it_claims_leaves_no_claim(tmp_path: Path) -> None:
    class Slow(MemoryStore):
        async def claim(self, keys: Sequence[str], seconds: float) -> list[Claim]:
            found = await super().claim(keys, seconds)
            await asyncio.sleep(0.05)
            return found

    async def run() -> None:
        clock = Clock()
        store = Slow(now=clock.time)
        one, other = (Cron(name="c", every=3600, store=store, clock=clock) for _ in range(2))
        await one.open()
        await other.open()
        clock.at = NOON + HOUR
        taking = asyncio.ensure_future(one.receive(1, 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
        await one.requeue([])
        assert len(await other.receive(1, 0)) == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"every": 0}, "one of every= and schedule="),
        ({"every": 5, "missed": "some"}, "none of skip, last, all"),
        ({"schedule": "0 0 31 2 *"}, "names no time"),
        ({"schedule": "0 0 * * *", "timezone": "Mars/North"}, "no time zone"),
        ({"every": 5, "store": "mysql://"}, "no store"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_made(settings: dict[str, object], said: str) -> None:
    with pytest.raises(WrongSource, match=said):
        source_of("cron", name="c", **settings)


def test_stores_by_their_address(tmp_path: Path) -> None:
    made = store_of(f"sqlite:///{tmp_path}/done.db")
    assert isinstance(made, SqliteStore)
    assert made.path == f"{tmp_path}/done.db"
    assert [type(store_of(each)).__name__ for each in ("redis://a:1/0", "dynamodb://t", "")] == [
        "RedisStore",
        "DynamoStore",
        "MemoryStore",
    ]
