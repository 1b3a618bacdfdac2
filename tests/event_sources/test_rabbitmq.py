"""RabbitMQ, against a real one, which takes its time to start: slow.  What decides is tried by
itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, TypedDict, Unpack

import pytest

from pelton.event_sources import Away, Delivery, Letter, Message, Rules, WrongSource
from pelton.event_sources.sources.rabbitmq import RabbitMQ
from pelton.event_sources.sources.rabbitmq_hand import Hand

from .bench import Seen, keyed, until
from .faults import FaultBench, FaultTests
from .promises import PromiseTests
from .servers.proxy import Proxy
from .servers.rabbitmq import RabbitServer

_numbers = count()


class Changed(TypedDict, total=False):
    """Words of `RabbitMQ` that a test says; typed, as hardly a test here runs with the others."""

    make: str
    prefetch: int
    key: str


class Words(Changed):
    """And those that a bench says itself."""

    queue: str
    exchange: str


class RabbitBench:
    """A queue of its own behind an exchange, whose routing keys are the keys, and one for dead
    letters."""

    def __init__(self, server: RabbitServer, make: str) -> None:
        self.server, self.make, self.name = server, make, f"q{next(_numbers)}"
        self.dead = f"dead-{self.name}"
        self.kill, self.start, self.port = server.kill, server.start, server.port

    def source(self, lease: float = 30.0, **changed: Unpack[Changed]) -> RabbitMQ:
        words: Words = {**self._words(), **changed}
        return RabbitMQ(self.server.url, **words)

    def by_port(self, port: int, **changed: Unpack[Changed]) -> RabbitMQ:
        words: Words = {**self._words(), **changed}
        return RabbitMQ(f"amqp://127.0.0.1:{port}/", **words)

    def spec(self) -> tuple[str, Mapping[str, Any]]:
        return "rabbitmq", {"url": self.server.url, **self._words()}

    def _words(self) -> Words:
        return {"queue": self.name, "exchange": f"x-{self.name}", "make": self.make}

    async def prepare(self) -> None:
        """The queue is there before anything is sent, as it is in life."""
        for each in (self.source(), RabbitMQ(self.server.url, queue=self.dead, make=self.make)):
            await each.open()
            await each.close()

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        from aio_pika import DeliveryMode, Message

        async with self._channel() as channel:
            exchange = await channel.get_exchange(f"x-{self.name}")
            for key, body in bodies:
                message = Message(body, delivery_mode=DeliveryMode.PERSISTENT)
                await exchange.publish(message, key)

    async def letters(self) -> list[tuple[bytes, Mapping[str, str]]]:
        source = RabbitMQ(self.server.url, queue=self.dead)
        await source.open()
        found = [(each.body, each.headers) for each in await source.receive(100, 10)]
        await source.close()
        return found

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[Any]:
        import aio_pika

        async with await aio_pika.connect(self.server.url) as connection:
            yield await connection.channel()


def made(server: RabbitServer, make: str = "classic") -> RabbitBench:
    bench = RabbitBench(server, make)
    asyncio.run(bench.prepare())
    return bench


@pytest.mark.slow
class TestQuorumQueue(PromiseTests, FaultTests):
    promises = RabbitMQ.promises
    # A node that starts again may hand out what is new before what its lost connections held.
    ordered = False

    @pytest.fixture
    def bench(self, rabbit_server: RabbitServer) -> FaultBench:
        return made(rabbit_server, "quorum")


@pytest.mark.slow
class TestClassicQueue(PromiseTests, FaultTests):
    promises = RabbitMQ.promises

    @pytest.fixture
    def bench(self, rabbit_server: RabbitServer) -> FaultBench:
        return made(rabbit_server)


def refused(source: RabbitMQ) -> str:
    """What it says when it cannot connect."""

    async def run() -> str:
        with pytest.raises(Away) as failed:
            await source.open()
        return str(failed.value)

    return asyncio.run(run())


async def all_of(source: RabbitMQ, many: int) -> list[Message]:
    found: list[Message] = []
    async with asyncio.timeout(60):
        while len(found) < many:
            found += await source.receive(many - len(found), 10)
    return found


@pytest.mark.slow
class TestRabbitMQ:
    """What is peculiar to it."""

    def test_what_is_acknowledged_in_any_order_does_not_come_again(
        self, rabbit_server: RabbitServer
    ) -> None:
        bench = made(rabbit_server)

        async def run() -> None:
            await bench.publish(keyed(6, 1))
            source = bench.source()
            await source.open()
            found = await all_of(source, 6)
            await source.ack([found[4], found[1], found[2]])
            await source.open()  # the connection was cut: what is left comes again, and is known
            again = await all_of(source, 3)
            assert [each.id for each in again] == [found[n].id for n in (0, 3, 5)]
            assert [each.attempt for each in again] == [2, 2, 2]
            await source.ack(found)  # by tags of the connection before: they are passed over
            await source.ack(again)
            await source.open()
            assert await source.receive(10, 0.1) == []
            await source.close()

        asyncio.run(run())

    @pytest.mark.parametrize("make", ["quorum", "classic"])
    def test_a_broker_that_hears_late_of_a_cut_gives_nothing_new_before_the_old(
        self, rabbit_server: RabbitServer, make: str
    ) -> None:
        bench = made(rabbit_server, make)

        async def run() -> None:
            await bench.publish(keyed(20, 1))
            async with Proxy(rabbit_server.port, unnoticed=0.5) as proxy:
                source = bench.by_port(proxy.port, prefetch=10)
                await source.open()
                first = await all_of(source, 10)
                proxy.cut()
                await source.open()
                again = await all_of(source, 10)
                assert [each.id for each in again] == [each.id for each in first]
                await source.close()

        asyncio.run(run())

    def test_what_is_given_back_is_another_workers_and_counted(
        self, rabbit_server: RabbitServer
    ) -> None:
        bench = made(rabbit_server, "quorum")

        async def run() -> None:
            await bench.publish(keyed(2, 1))
            one, other = bench.source(prefetch=2), bench.source()
            await one.open()
            found = await all_of(one, 2)
            await other.open()
            await one.give_back(found[:1])
            (again,) = await all_of(other, 1)
            assert (again.body, again.attempt) == (found[0].body, 2)
            for each in (one, other):
                await each.close()

        asyncio.run(run())

    def test_no_more_is_handed_out_than_prefetch(self, rabbit_server: RabbitServer) -> None:
        bench = made(rabbit_server)

        async def run() -> None:
            await bench.publish(keyed(10, 1))
            one, other = bench.source(prefetch=3), bench.source()
            await one.open()
            assert len(await all_of(one, 3)) == 3
            assert await one.receive(10, 0.1) == []
            await other.open()
            assert len(await all_of(other, 7)) == 7
            for each in (one, other):
                await each.close()

        asyncio.run(run())

    def test_headers_and_what_else_a_message_is_said_to_be(
        self, rabbit_server: RabbitServer
    ) -> None:
        from aio_pika import Message as Raw

        bench = made(rabbit_server)

        async def run() -> None:
            raw = Raw(
                b"x",
                headers={"customer": "ann", "n": 7, "list": ["a"]},
                content_type="text/plain",
                message_id="m1",
                type="order",
                timestamp=1_700_000_000,
            )
            async with bench._channel() as channel:
                exchange = await channel.get_exchange(f"x-{bench.name}")
                await exchange.publish(raw, "new")
            source = bench.source(key="customer")
            await source.open()
            (found,) = await all_of(source, 1)
            await source.close()
            assert (found.key, found.lane, found.topic) == ("ann", "customer=ann", "new")
            assert found.timestamp == 1_700_000_000
            assert found.headers == {
                "customer": "ann",
                "n": "7",
                "list": '["a"]',
                "content-type": "text/plain",
                "message-id": "m1",
                "type": "order",
                "exchange": f"x-{bench.name}",
            }

        asyncio.run(run())

    def test_a_letter_for_a_queue_that_is_not_there_is_not_lost(
        self, rabbit_server: RabbitServer
    ) -> None:
        bench = made(rabbit_server)

        async def run() -> None:
            source = bench.source()
            await source.open()
            letter = Letter(Message("1", b"x"), "no good", 1, 0.0)
            with pytest.raises(
                Away, match="queue 'nowhere': no queue there takes it: declare the queue"
            ):
                await source.bury(letter, "nowhere")
            await source.bury(letter, bench.dead)
            assert [body for body, _ in await bench.letters()] == [b"x"]
            await source.close()

        asyncio.run(run())

    def test_a_queue_that_is_deleted_is_away_and_taken_up_when_it_is_there_again(
        self, rabbit_server: RabbitServer
    ) -> None:
        bench, seen = made(rabbit_server), Seen()

        async def run() -> None:
            async with Delivery(bench.source(make=""), seen, Rules()) as delivery:
                await until(lambda: delivery.status.state == "ready")
                async with bench._channel() as channel:
                    await channel.queue_delete(bench.name)
                await until(lambda: "NOT_FOUND" in delivery.status.reason)
                await bench.prepare()
                await bench.publish([("k", b"late")])
                await seen.until(lambda seen: seen.done == [b"late"])

        asyncio.run(run())

    def test_what_is_missing_or_refused_is_said(self, rabbit_server: RabbitServer) -> None:
        url, port = rabbit_server.url, rabbit_server.port
        said = refused(RabbitMQ(url, queue="missing"))
        assert "queue 'missing': declare it, or have it made" in said
        there = made(rabbit_server).name
        said = refused(RabbitMQ(url, queue=there, exchange="missing"))
        assert "exchange 'missing': ChannelNotFoundEntity" in said
        said = refused(RabbitMQ(f"amqp://guest:hidden@127.0.0.1:{port}/", queue=there))
        assert said.startswith(f"amqp://127.0.0.1:{port}/: ") and "ACCESS_REFUSED" in said
        assert "hidden" not in said
        assert refused(RabbitMQ(f"{url}nowhere", queue=there)).startswith(f"{url}nowhere: ")
        assert "Error" in refused(RabbitMQ(url.replace("amqp:", "amqps:"), queue=there))


@pytest.fixture
def nowhere() -> Iterator[RabbitMQ]:
    yield RabbitMQ("amqp://ann:hidden@127.0.0.1:1/", queue="q")


def test_a_broker_that_is_not_there(nowhere: RabbitMQ) -> None:
    assert refused(nowhere).startswith("amqp://127.0.0.1:1/: ")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "redis://u:hidden@h"}, "'redis://h' is no address of RabbitMQ"),
        ({"make": "stream"}, "make='stream' is none of"),
        ({"prefetch": 70_000}, "prefetch=70000 is outside"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongSource) as caught:
        RabbitMQ(**{"url": "amqp://h", "queue": "q", **settings})
    assert words in str(caught.value) and "hidden" not in str(caught.value)


def test_one_word_speaks_for_all_that_it_may() -> None:
    hand = Hand(known=10)
    for tag in range(1, 7):
        hand.take(tag, tag, again=False)
    assert hand.ack([2, 5]) == [(2, False), (5, False)]
    assert hand.ack([1, 3, 6]) == [(3, True), (6, False)]
    assert hand.ack([3, 6]) == []  # said already
    assert hand.give_back([4, 9]) == [4]
    assert hand.ack([4]) == []


def test_who_comes_again_is_known_by_what_it_is_and_only_if_it_is_said_to() -> None:
    hand = Hand(known=2)
    one, two, other = (hand.take(n, c, again=False) for n, c in ((1, "a"), (2, "a"), (3, "b")))
    hand.begin()
    assert hand.take(1, "a", again=False) not in (one, two)  # an equal one, and new
    assert [hand.take(n, "a", again=True) for n in (2, 3)] == [one, two]
    assert hand.take(4, "a", again=True) not in (one, two)  # of another worker, before
    hand.begin()
    hand.begin()
    assert hand.take(1, "b", again=True) == other  # lost, and not come to us until now


def test_of_what_is_lost_no_more_is_remembered_than_said() -> None:
    hand = Hand(known=2)
    ids = [hand.take(n, n, again=False) for n in range(5)]
    hand.begin()
    again = [hand.take(n, n, again=True) for n in range(5)]
    assert [a == b for a, b in zip(ids, again, strict=True)] == [False, False, False, True, True]
