"""A delivery by a clock that is moved by hand, its dead letters, and its sources' sentences."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.event_sources import (
    Away,
    Backoff,
    Batch,
    Delivery,
    Failed,
    Letter,
    Message,
    Outcome,
    Rules,
    Source,
    WrongSource,
    source_of,
)
from pelton.event_sources.dead_letters import Discard, ToBroker, ToCall, ToFile
from pelton.event_sources.delivery.delivery import WAIT
from pelton.event_sources.sources.jetstream import JetStream
from pelton.event_sources.sources.memory import Memory
from pelton.event_sources.sources.redis_stream import RedisStream
from pelton.event_sources.sources.redis_wire import connect
from pelton.localstack.manual_clock import ManualClock

from .bench import PATIENCE, Seen, choking, until
from .servers.nats import NatsServer
from .servers.redis import RedisServer
from .test_redis_stream import RedisStreamBench

NOW = Backoff(first=0.01, longest=0.05)


def test_a_day_of_retries_passes_by_a_clock_that_is_moved() -> None:
    async def run() -> None:
        clock, tries = ManualClock(start=0.0), list[float]()

        async def fails(batch: Batch) -> None:
            tries.append(clock.time())
            raise ValueError("not today")

        source = Memory([b"a"])
        rules = Rules(attempts=5, retry=Backoff(first=3600, longest=36_000))
        buried: list[Letter] = []

        async def bury(letter: Letter) -> None:
            buried.append(letter)

        async with Delivery(source, fails, rules, dead_letters=ToCall(bury), clock=clock):
            await clock.advance(86_400)
            await source.all_done()
        assert tries == [0, 3600, 3600 * 3, 3600 * 7, 3600 * 15]
        ((letter),) = buried
        assert (letter.attempts, letter.at, letter.reason) == (5, 54_000, "ValueError: not today")

    asyncio.run(run())


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_machine_whose_time_is_set_makes_nobody_wait_longer_or_older(
    monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    """A retry that is due in a moment comes then, and nothing is too old that has just come."""

    async def run() -> None:
        tries, real = list[int](), time.time

        async def fails_first(batch: Batch) -> None:
            tries.append(batch.number)
            if len(tries) == 1:
                monkeypatch.setattr(time, "time", lambda: real() + jump)
                raise ValueError("not yet")

        source = Memory([b"a"])
        rules = Rules(attempts=9, max_age=3600, retry=Backoff(first=0.05))
        async with Delivery(source, fails_first, rules, dead_letters=Discard()) as delivery:
            async with asyncio.timeout(PATIENCE):
                await source.all_done()
            assert (len(tries), delivery.tally.done) == (2, 1)

    asyncio.run(run())


def test_a_window_ends_by_the_clock() -> None:
    async def run() -> None:
        clock, seen = ManualClock(start=0.0), Seen()
        source = Memory([b"a", b"b"])
        async with Delivery(source, seen, Rules(batch=5, window=60), clock=clock):
            await clock.advance(59)
            assert seen.batches == []
            await clock.advance(1)
            assert seen.batches == [[b"a", b"b"]]

    asyncio.run(run())


def test_dead_letters_in_a_file_are_whole_lines_with_all_that_is_known(tmp_path: Path) -> None:
    async def run() -> None:
        source = Memory()
        for body in (b"good", b"bad", b"\xff", b"good"):
            source.put(body, key="k")
        rules = Rules(batch=4, attempts=1, retry=Backoff(first=0))
        letters = ToFile(tmp_path / "dead.jsonl")
        seen = Seen(choking(b"bad", b"\xff"))
        async with Delivery(source, seen, rules, dead_letters=letters):
            await source.all_done()
        told = [json.loads(line) for line in letters.path.read_text().splitlines()]
        assert [each.get("body") for each in told] == ["bad", None]
        assert told[1]["body_base64"] == "/w=="
        assert (told[0]["key"], told[0]["attempts"], told[0]["topic"]) == ("k", 1, "memory")
        assert seen.done == [b"good", b"good"]

    asyncio.run(run())


def test_a_place_for_dead_letters_that_is_away_holds_the_message_back(tmp_path: Path) -> None:
    async def run() -> None:
        source, states = Memory([b"bad"]), list[str]()
        letters = ToFile(tmp_path / "not-there" / "dead.jsonl")
        delivery = Delivery(
            source,
            Seen(choking(b"bad")),
            Rules(attempts=1),
            dead_letters=letters,
            reconnect=Backoff(first=0.01, longest=0.1),
            on_status=lambda status: states.append(str(status)),
        )
        async with delivery:
            await until(lambda: any("dead letter" in each for each in states))
            assert delivery.tally.buried == 0
            letters.path.parent.mkdir()
            await source.all_done()
        assert (delivery.tally.buried, len(letters.path.read_text().splitlines())) == (1, 1)

    asyncio.run(run())


@given(reason=st.text(), header=st.text())
def test_headers_of_a_letter_are_lines_that_can_be_sent(reason: str, header: str) -> None:
    letter = Letter(Message("7", b"", headers={"theirs": header}), reason, 1, 0.0)
    told = letter.headers()
    assert all(value.encode().decode() == value for value in told.values())
    assert told.get("dead-letter-reason", "").isprintable()


def test_a_reason_that_no_text_can_have_ends_nothing(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """JSON has "\\ud800", and what a function says of it comes back as the reason."""

    async def run() -> None:
        bench = RedisStreamBench(redis_server)
        for letters in (ToBroker(bench.dead), ToFile(tmp_path / "dead.jsonl")):
            await bench.publish([("k", b"bad"), ("k", b"good")])
            seen = Seen(choking(b"bad"))

            async def handle(batch: Batch, seen: Seen = seen) -> None:
                try:
                    await seen(batch)
                except ValueError as error:
                    raise ValueError("no \ud800 and no \0") from error

            async with Delivery(
                bench.source(), handle, Rules(attempts=1), dead_letters=letters, reconnect=NOW
            ) as delivery:
                await until(lambda made=delivery: made.tally.buried + made.tally.done == 2)  # type: ignore[misc]
        ((_, headers),) = await bench.letters()
        assert headers["dead-letter-reason"] == "ValueError: no \\ud800 and no \\x00"
        (line,) = (tmp_path / "dead.jsonl").read_text().splitlines()
        assert json.loads(line)["reason"] == "ValueError: no \ud800 and no \0"

    asyncio.run(run())


def test_a_call_for_dead_letters_that_breaks_holds_the_letter_and_nothing_else() -> None:
    async def run() -> None:
        source, letters = Memory([b"bad", b"good"]), list[Letter]()

        async def breaks_once(letter: Letter) -> None:
            letters.append(letter)
            if len(letters) == 1:
                raise KeyError("shelf")

        states = list[str]()
        async with Delivery(
            source,
            Seen(choking(b"bad")),
            Rules(attempts=1),
            dead_letters=ToCall(breaks_once),
            reconnect=NOW,
            on_status=lambda status: states.append(str(status)),
        ) as delivery:
            await source.all_done()
            assert (delivery.tally.buried, delivery.tally.done) == (1, 1)
        assert "unhealthy: a dead letter: KeyError: 'shelf'" in states

    asyncio.run(run())


class Noted(Memory):
    """Knows which messages were acknowledged."""

    def __init__(self, bodies: Sequence[bytes]) -> None:
        super().__init__(bodies)
        self.acked = list[str]()

    async def ack(self, messages: Sequence[Message]) -> None:
        self.acked += [each.id for each in messages]
        await super().ack(messages)


def test_letters_that_are_not_taken_hold_up_no_acknowledgement_and_no_other_letter() -> None:
    """A place that is away may take seconds to say so, for each of many letters."""

    async def run() -> None:
        source, said, buried = Noted([b"bad", b"bad", b"good"]), asyncio.Event(), list[str]()

        async def bury(letter: Letter) -> None:
            if letter.message.id == "1":
                await said.wait()
                raise Away("it is too large")
            buried.append(letter.message.id)

        def handle(batch: Batch) -> Outcome:
            return Outcome(
                failed={
                    each.id: Failed("no", never=True)
                    for each in batch.messages
                    if each.body == b"bad"
                }
            )

        rules, letters = Rules(batch=3, ordered=False), ToCall(bury)
        async with Delivery(
            source, Seen(handle), rules, dead_letters=letters, reconnect=NOW
        ) as made:
            await until(lambda: source.acked == ["3"])
            said.set()
            await until(lambda: source.acked == ["3", "2"])
            assert (buried, made.held, made.status.state) == (["2"], 1, "unhealthy")

    asyncio.run(run())


def test_what_is_dropped_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        source = Memory([b"bad"])
        rules = Rules(attempts=1)
        async with Delivery(source, Seen(choking(b"bad")), rules, dead_letters=Discard()):
            await source.all_done()

    with caplog.at_level(logging.WARNING, "pelton.event_sources"):
        asyncio.run(run())
    assert "is dropped after 1 tries: ValueError: cannot read one of these" in caplog.text


def test_giving_up_without_a_place_for_it_is_refused() -> None:
    with pytest.raises(WrongSource, match=r"say where they go with dead_letters="):
        Delivery(Memory(), Seen(), Rules(attempts=3))


def test_explicit_acknowledgement() -> None:
    async def run() -> None:
        source, ids = Memory([b"a", b"b"]), list[str]()

        async def keep(batch: Batch) -> Outcome:
            ids.extend(each.id for each in batch.messages)
            return Outcome(held=frozenset(each.id for each in batch.messages))

        async with Delivery(source, keep) as delivery:
            await until(lambda: len(ids) == 2)
            assert delivery.held == 2
            delivery.acknowledge(ids[:1])
            delivery.refuse(ids[1], Failed("again", after=0))
            await until(lambda: len(ids) == 3)
            delivery.acknowledge(ids[1:])
            await source.all_done()
        assert ids[1] == ids[2]

    asyncio.run(run())


class Failing(Source):
    """Away for some times, then there; and it says how often it was opened."""

    kind = "failing"

    def __init__(self, times: int) -> None:
        self.left, self.opened = times, 0

    async def open(self) -> None:
        self.opened += 1
        if self.left:
            self.left -= 1
            raise Away(f"gone, {self.left} times more")

    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        await asyncio.sleep(seconds)
        return []

    async def ack(self, messages: Sequence[Message]) -> None: ...


def test_pauses_between_openings_grow() -> None:
    async def run() -> None:
        clock, states = ManualClock(start=0.0), list[tuple[float, str]]()
        source = Failing(4)
        delivery = Delivery(
            source,
            Seen(),
            clock=clock,
            reconnect=Backoff(first=1, longest=4),
            on_status=lambda status: states.append((clock.time(), str(status))),
        )
        await delivery.start()
        await clock.advance(100)
        await delivery.stop()
        assert states == [
            (0.0, "unhealthy: gone, 3 times more"),
            (1.0, "unhealthy: gone, 2 times more"),
            (3.0, "unhealthy: gone, 1 times more"),
            (7.0, "unhealthy: gone, 0 times more"),
            (11.0, "ready"),
            (100.0, "stopped"),
        ]

    asyncio.run(run())


def reason_of(source: Source) -> str:
    async def run() -> str:
        delivery = Delivery(source, Seen(), reconnect=NOW)
        async with delivery:
            await until(lambda: delivery.status.state == "unhealthy")
            return delivery.status.reason

    return asyncio.run(run())


def test_what_is_missing_or_refused_is_said(
    nats_server: NatsServer, redis_server: RedisServer
) -> None:
    said = reason_of(JetStream(nats_server.url, stream="absent"))
    assert "there is no stream called 'absent': make one" in said
    said = reason_of(JetStream(nats_server.url, subject="absent.*"))
    assert "there is no stream that keeps 'absent.*': make one" in said
    redis = redis_server.url.replace("redis://", "redis://ann:hidden@")
    said = reason_of(RedisStream(redis, stream="s"))
    assert "127.0.0.1" in said
    assert "hidden" not in said


@pytest.mark.slow  # neither says a word: the time to connect runs out
def test_a_server_without_tls_is_said(redis_server: RedisServer) -> None:
    with_tls = redis_server.url.replace("redis://", "rediss://")
    assert "redis at" in reason_of(RedisStream(with_tls, stream="s"))


def test_a_source_that_was_declared_wrongly_is_said_like_one_that_is_away() -> None:
    """It stays `unhealthy`, and nothing of ours ends with a trace."""
    said = reason_of(RedisStream("redis://me:secret@127.0.0.1:x/0", stream="s"))
    assert "'127.0.0.1:x/0' is no address of a Redis server" in said


def test_a_wait_for_entries_is_no_silence_of_the_server() -> None:
    client = connect("redis://127.0.0.1:1/0")
    assert client.connection_pool.connection_kwargs["socket_timeout"] > WAIT


def test_sources_that_cannot_be() -> None:
    for kind, settings, words in (
        ("kafak", {}, "there is no source 'kafak'"),
        ("redis-stream", {"url": "redis://h"}, "redis-stream: "),
        ("redis-pubsub", {"url": "redis://h", "channel": ""}, "needs the name of a channel"),
    ):
        with pytest.raises(WrongSource, match=words):
            source_of(kind, **settings)
