"""Messages that are done once, by each store."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest

from pelton.event_sources import Batch, Failed, Message, Once, Outcome
from pelton.event_sources.stores import Store
from pelton.event_sources.stores.dynamodb import DynamoStore
from pelton.event_sources.stores.memory import MemoryStore
from pelton.event_sources.stores.redis import RedisStore
from pelton.event_sources.stores.sqlite import SqliteStore
from pelton.pytest_plugin import RunningEmulator

from .bench import Seen, choking, failing

_numbers = count()
Make = Callable[[], Store]
DAY, GRAIN = 86_400.0, 3.0  # seconds; by GRAIN DynamoDB's claims are longer, whose times are whole


@pytest.fixture(params=["memory", "sqlite", "redis", "dynamodb"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Stores of the same place, each as another worker would open it."""
    if request.param == "memory":
        store = MemoryStore()
        return lambda: store
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "done.db")
    if request.param == "redis":
        url, prefix = request.getfixturevalue("redis_server").url, f"once{next(_numbers)}:"
        return lambda: RedisStore(url, prefix)
    emulator: RunningEmulator = request.getfixturevalue("pelton_emulator")
    make_table(emulator)
    return lambda: DynamoStore("done", emulator.client("dynamodb"))


def make_table(emulator: RunningEmulator) -> None:
    emulator.client("dynamodb").create_table(
        TableName="done",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


class World:
    """The time that has really passed."""

    def __init__(self) -> None:
        self.passed = 0.0

    def server_says(self) -> str:
        return formatdate(1_000_000 + self.passed, usegmt=True)


class Clocks:
    """A machine's time of day, which may be set (`ahead`), and the one that cannot, which does not
    count while the machine stood still (`stood`)."""

    def __init__(self, world: World) -> None:
        self.world, self.ahead, self.stood = world, 0.0, 0.0

    def now(self) -> float:
        return 1_000_000 + self.world.passed + self.ahead

    def steadily(self) -> float:
        return self.world.passed - self.stood


MakeBy = Callable[[Clocks], Store]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(params=["sqlite", "sqlite without boots", "dynamodb", "dynamodb without a date"])
def make_by(request: pytest.FixtureRequest, tmp_path: Path, world: World) -> MakeBy:
    word, _, without = request.param.partition(" without ")
    if word == "sqlite":
        boot = "" if without else "1"
        return lambda by: SqliteStore(tmp_path / "done.db", by.now, by.steadily, boot)
    return dynamo(request, world, dated=not without)


def dynamo(request: pytest.FixtureRequest, world: World, *, dated: bool = True) -> MakeBy:
    """Its server's clock is the world's; or it has none."""
    emulator: RunningEmulator = request.getfixturevalue("pelton_emulator")
    make_table(emulator)

    def told(parsed: dict[str, Any], **more: object) -> None:
        headers = parsed["ResponseMetadata"]["HTTPHeaders"]
        del headers["date"]
        if dated:
            headers["date"] = world.server_says()

    def make(by: Clocks) -> Store:
        # One of its own: others share theirs, and what is registered stays with a client.
        client = emulator.client("dynamodb", parameter_validation=True)
        client.meta.events.register("after-call.dynamodb", told)
        return DynamoStore("done", client, by.now, by.steadily)

    return make


def batch_of(*ids: str) -> Batch:
    return Batch(tuple(Message(each, each.encode()) for each in ids))


def test_what_is_done_is_not_done_again_by_another_worker(make: Make) -> None:
    async def run() -> None:
        seen, stores = Seen(), [make(), make()]
        one, other = (Once(seen, each) for each in stores)
        assert (await one(batch_of("a", "b"))).failed == {}
        assert (await other(batch_of("b", "c", "a"))).failed == {}
        assert (seen.bodies, other.suppressed) == ([b"a", b"b", b"c"], 2)
        for each in stores:
            await each.close()

    asyncio.run(run())


def test_what_failed_is_free_again_and_the_rest_is_done(make: Make) -> None:
    async def run() -> None:
        store, seen = make(), Seen(failing(b"b"))
        assert set((await Once(seen, store)(batch_of("a", "b"))).failed) == {"b"}
        with pytest.raises(ValueError):
            await Once(Seen(choking(b"b")), store)(batch_of("b"))
        again = Seen()
        await Once(again, store)(batch_of("a", "b"))
        assert again.bodies == [b"b"]
        await store.close()

    asyncio.run(run())


def test_what_another_has_in_hand_comes_later_and_a_dead_ones_claim_ends(make: Make) -> None:
    async def run() -> None:
        store = make()
        (claim,) = await store.claim(["a"], 600)
        assert claim.token
        seen = Seen()
        failed = (await Once(seen, store)(batch_of("a", "b"))).failed["a"]
        assert (seen.bodies, failed.blame) == ([b"b"], False)
        assert 0 < (failed.after or 0) <= 601
        await store.release({"a": "somebody else's"})
        assert set((await Once(seen, store)(batch_of("a"))).failed) == {"a"}
        await store.release({"a": claim.token})
        assert (await Once(seen, store)(batch_of("a"))).failed == {}
        await store.close()

    asyncio.run(run())


def test_claims_are_renewed_and_marks_are_kept(make: Make) -> None:
    async def run() -> None:
        one, other = make(), make()
        (claim,) = await one.claim(["a"], 5)
        await one.renew({"a": "somebody else's"}, 9000)
        await one.renew({"a": claim.token}, 900)
        assert (await other.claim(["a"], 5))[0].after > 800
        await one.keep({"a": claim.token}, 60)
        await one.renew({"a": claim.token}, 900)  # done is done
        assert (await other.claim(["a"], 5))[0].done
        assert await other.mark("a") is None
        await one.set_mark("a", 1_767_268_800.25)
        await one.set_mark("a", 1_767_268_801.5)
        assert (await other.mark("a"), await other.mark("b")) == (1_767_268_801.5, None)
        for each in (one, other):
            await each.close()

    asyncio.run(run())


def test_copies_in_one_batch_are_known_by_their_key(tmp_path: Path) -> None:
    async def run() -> None:
        seen, store = Seen(), SqliteStore(tmp_path / "done.db")
        once = Once(seen, store, key=lambda message: message.headers["order"])
        copies = [Message(str(n), b"x", headers={"order": "7"}) for n in range(3)]
        assert (await once(Batch(tuple(copies)))).failed == {}
        assert (seen.bodies, once.suppressed) == ([b"x"], 2)
        await store.close()

    asyncio.run(run())


def test_a_batch_with_what_is_done_blames_only_the_rest(tmp_path: Path) -> None:
    async def run() -> None:
        store = SqliteStore(tmp_path / "done.db")
        await Once(Seen(), store)(batch_of("a"))

        async def fails(batch: Batch) -> Outcome | None:
            raise Failed("no", after=7)

        found = await Once(fails, store)(batch_of("a", "b"))
        assert {id: each.after for id, each in found.failed.items()} == {"b": 7}
        await store.close()

    asyncio.run(run())


def test_behind_what_another_has_in_hand_nothing_of_its_lane_is_begun(tmp_path: Path) -> None:
    async def run() -> None:
        store, seen = SqliteStore(tmp_path / "done.db"), list[str]()

        async def handle(batch: Batch) -> None:
            seen.extend(each.id for each in batch.messages)

        await store.claim(["1"], 300)  # by a worker that is killed with it
        once = Once(handle, store)
        lanes = {"1": "a", "2": "a", "3": "b", "4": ""}
        outcome = await once(Batch(tuple(Message(id, b"", lane=lanes[id]) for id in lanes)))
        assert (seen, list(outcome.failed)) == (["3", "4"], ["1", "2"])
        assert not any(each.blame for each in outcome.failed.values())
        # Nobody has the second in hand: it is another worker's as soon as the first is done.
        (claim,) = await store.claim(["2"], 300)
        assert claim.token
        await store.close()

    asyncio.run(run())


def test_many_threads_at_one_store_do_not_disturb_each_other(tmp_path: Path) -> None:
    async def run() -> None:
        store = SqliteStore(tmp_path / "done.db")

        async def once(number: int) -> None:
            keys = [f"{number}/{n}" for n in range(20)]
            claims = await store.claim(keys, 300)
            assert all(each.token for each in claims)
            await store.keep({k: c.token for k, c in zip(keys, claims, strict=True)}, 300)
            assert all(each.done for each in await store.claim(keys, 300))

        await asyncio.gather(*map(once, range(50)))
        await store.close()

    asyncio.run(run())


def test_who_is_a_day_ahead_begins_on_nothing_that_another_has_in_hand(
    make_by: MakeBy, world: World
) -> None:
    """Nor who is behind; and a dead worker's claim is over when its time is, for both."""

    async def run() -> None:
        clocks = [Clocks(world) for _ in range(3)]
        clocks[1].ahead, clocks[2].ahead = DAY, -DAY
        alive, ahead, behind = map(make_by, clocks)
        (mine,) = await alive.claim(["k"], 60)
        for _ in range(2):
            for other in (ahead, behind):
                (told,) = await other.claim(["k"], 60)
                assert told.token == "" and 0 < told.after <= 60 + GRAIN
            world.passed += 29
        world.passed += 2 + GRAIN
        (taken,) = await ahead.claim(["k"], 60)
        assert taken.token, "it was not renewed"
        await alive.keep({"k": mine.token}, 60)  # it was not dead: it comes too late
        (told,) = await behind.claim(["k"], 60)
        assert (told.token, told.done) == ("", False) and 58 < told.after <= 60 + GRAIN
        for each in (alive, ahead, behind):
            await each.close()

    asyncio.run(run())


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_clocks_that_are_set_end_no_claim_and_lengthen_none(
    make_by: MakeBy, world: World, jump: float
) -> None:
    async def run() -> None:
        clocks = Clocks(world)
        one, other = make_by(clocks), make_by(clocks)
        await one.claim(["k"], 60)
        clocks.ahead = jump
        assert 58 < (await other.claim(["k"], 60))[0].after <= 60 + GRAIN
        world.passed += 59
        assert (await other.claim(["k"], 60))[0].token == ""
        world.passed += 1 + GRAIN
        assert (await other.claim(["k"], 60))[0].token
        for each in (one, other):
            await each.close()

    asyncio.run(run())


def test_a_claim_that_is_renewed_is_nobody_elses_whatever_the_clocks_say(
    make_by: MakeBy, world: World
) -> None:
    async def run() -> None:
        late = Clocks(world)
        late.ahead = 100
        alive, other = make_by(Clocks(world)), make_by(late)
        (mine,) = await alive.claim(["k"], 60)
        for _ in range(5):
            assert (await other.claim(["k"], 60))[0].token == ""
            world.passed += 40
            await alive.renew({"k": mine.token}, 60)
        for store in (alive, other):
            await store.close()

    asyncio.run(run())


def test_what_is_done_is_known_to_who_is_a_day_ahead(
    request: pytest.FixtureRequest, tmp_path: Path, world: World
) -> None:
    async def run() -> None:
        ahead = Clocks(world)
        ahead.ahead = DAY
        file = partial(SqliteStore, tmp_path / "done.db")
        for make in (lambda by: file(by.now, by.steadily, "1"), dynamo(request, world)):
            one, other = make(Clocks(world)), make(ahead)
            (mine,) = await one.claim(["k"], 60)
            await one.keep({"k": mine.token}, 3600)
            assert (await other.claim(["k"], 60))[0].done
            world.passed += 3600 + GRAIN
            assert (await other.claim(["k"], 60))[0].token
            for each in (one, other):
                await each.close()

    asyncio.run(run())


def test_who_has_stood_still_claims_from_when_it_goes_on(
    request: pytest.FixtureRequest, world: World
) -> None:
    """A machine that slept has a steady clock that did not count, and old news of the server's."""

    async def run() -> None:
        make, clocks = dynamo(request, world), Clocks(world)
        one, other = make(clocks), make(Clocks(world))
        await one.claim(["before"], 60)
        world.passed, clocks.stood = 1000, 1000
        await one.claim(["k"], 60)
        assert 58 < (await other.claim(["k"], 60))[0].after <= 60 + GRAIN
        for each in (one, other):
            await each.close()

    asyncio.run(run())


def test_after_a_machines_start_its_claims_of_before_are_over_when_they_were_seen_to_stand(
    tmp_path: Path, world: World
) -> None:
    async def run() -> None:
        clocks = Clocks(world)
        before = SqliteStore(tmp_path / "done.db", clocks.now, clocks.steadily, "1")
        _, mine = await before.claim(["hand", "done"], 60)
        await before.keep({"done": mine.token}, 3600)
        await before.close()
        world.passed, clocks.stood = 50, 50  # its steady clock begins anew
        after = SqliteStore(tmp_path / "done.db", clocks.now, clocks.steadily, "2")
        hand, done = await after.claim(["hand", "done"], 60)
        assert (hand.after, done.done) == (60.0, True)
        clocks.ahead = DAY  # and what it takes for the time of day is set right, or wrong
        for number in range(1200):  # often enough for it to look for what is over
            await after.claim([f"{number}"], 0.5)
        hand, done = await after.claim(["hand", "done"], 60)
        assert (hand.token, bool(done.token)) == ("", True), "what is done goes by the time of day"
        world.passed += 60
        assert (await after.claim(["hand"], 60))[0].token
        await after.close()

    asyncio.run(run())


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "done.db")) as file:
        file.execute(
            "create table pelton_events_done (key text primary key, token text not null, "
            "done integer not null, ends real not null) without rowid"
        )
        file.execute("insert into pelton_events_done values ('k', 't', 0, 100), ('d', 't', 1, 100)")
        file.commit()

    async def run() -> None:
        store = SqliteStore(tmp_path / "done.db", now=lambda: 40.0)
        claimed, done, free = await store.claim(["k", "d", "new"], 10)
        assert (claimed.after, done.done, bool(free.token)) == (60.0, True, True)
        await store.close()

    asyncio.run(run())


def test_a_store_that_cannot_be_asked_blames_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a worker without settings of AWS would make dead letters of all that comes."""
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the settings that it found
    once = Once(lambda batch: None, DynamoStore("done"))
    with pytest.raises(Failed, match="table done: You must specify a region") as caught:
        asyncio.run(once(Batch((Message("1", b"1"),))))
    assert not caught.value.blame
