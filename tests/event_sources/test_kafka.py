"""Kafka, against librdkafka's mock cluster; `test_kafka_broker.py` does it to a real broker."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.event_sources import Away, Batch, Delivery, Lost, Message, Rules, WrongSource
from pelton.event_sources.sources.kafka import Kafka
from pelton.event_sources.sources.kafka_hand import Hand
from pelton.event_sources.sources.kafka_message import KafkaMessage

from ..tries import tries
from .bench import Seen, firsts, keyed, numbers, until
from .faults import NOW, FaultBench, FaultTests
from .promises import PromiseTests
from .servers.kafka import KafkaMock, KafkaServer

_numbers = count()


class KafkaBench:
    """A topic of its own, of three partitions, and one for dead letters."""

    def __init__(self, server: KafkaServer | KafkaMock) -> None:
        self.server, self.name = server, f"t{next(_numbers)}"
        self.dead = f"dead-{self.name}"
        self.kill, self.start = server.kill, server.start
        self.port = int(server.url.rpartition(":")[2])
        server.create(self.name)
        server.create(self.dead)

    def source(self, lease: float = 30.0, **settings: Any) -> Kafka:
        said = {"topic": self.name, "group": self.name, "session": self.server.session, **settings}
        return Kafka(self.server.url, **said)

    def by_port(self, port: int) -> Kafka:
        return self.source()

    def spec(self) -> tuple[str, Mapping[str, Any]]:
        settings = {"topic": self.name, "group": self.name, "session": self.server.session}
        return "kafka", {"brokers": self.server.url, **settings}

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        await asyncio.to_thread(self._publish, list(bodies))

    def _publish(self, bodies: list[tuple[str, bytes]]) -> None:
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.server.url, "linger.ms": 0})
        for key, body in bodies:
            producer.produce(self.name, body, key)
        assert producer.flush(60) == 0

    async def letters(self) -> list[tuple[bytes, Mapping[str, str]]]:
        source = Kafka(self.server.url, topic=self.dead, group="reader")
        await source.open()
        found = await source.receive(10, 30)
        await source.close()
        return [(each.body, each.headers) for each in found if isinstance(each, Message)]


class TestKafka(PromiseTests, FaultTests):
    promises = Kafka.promises

    @pytest.fixture
    def bench(self, kafka_server: KafkaServer | KafkaMock) -> FaultBench:
        return KafkaBench(kafka_server)

    @pytest.mark.slow
    def test_cut_connections_lose_nothing_and_keep_the_order(self, bench: FaultBench) -> None:
        # Brokers say by themselves where they are, so that none can be reached through a proxy.
        async def run() -> None:
            await bench.publish(keyed(3000, 30))
            seen = Seen()

            async def handle(batch: Batch) -> None:
                await seen(batch)
                await asyncio.sleep(0.001)

            rules = Rules(batch=10, workers=3, in_flight=100)
            async with Delivery(bench.source(), handle, rules, reconnect=NOW) as delivery:
                for share in (500, 1500):
                    await seen.until(has(share))
                    await asyncio.to_thread(bench.kill)
                    await until(lambda: delivery.status.state == "unhealthy")
                    await asyncio.to_thread(bench.start)
                    await until(lambda: delivery.status.state == "ready")
                await seen.until(has(3000))
                assert delivery.tally.reconnects >= 2
            assert {key: firsts(each) for key, each in numbers(seen.done).items()} == {
                f"k{n}": list(range(100)) for n in range(30)
            }

        asyncio.run(run())

    @pytest.mark.slow  # the mock cluster takes seconds to share partitions anew
    def test_members_that_come_and_go_lose_nothing_and_keep_each_keys_order(
        self, kafka_server: KafkaServer | KafkaMock
    ) -> None:
        bench = KafkaBench(kafka_server)

        async def run() -> None:
            first, second, books = Seen(), Seen(), Seen()

            def both(own: Seen) -> Any:
                async def handle(batch: Batch) -> None:
                    await asyncio.sleep(0)  # others may come in between
                    await own(batch)
                    await books(batch)

                return handle

            async with Delivery(bench.source(), both(first), Rules(batch=5, workers=2)):
                await bench.publish(keyed(300, 12))
                await first.until(lambda seen: len(seen.done) >= 50)
                other = Delivery(bench.source(), both(second), Rules(batch=5, workers=2))
                await other.start()
                # Again and again, until the group has shared its partitions.
                for round in range(1, 100):
                    await bench.publish([(k, b"%b/%d" % (v, round)) for k, v in keyed(12, 12)])
                    await books.until(has(300 + round * 12))
                    if first.done and second.done:
                        break
                assert second.done, "the second one was never given a partition"
                await other.stop()
                await bench.publish([(k, v + b"/last") for k, v in keyed(12, 12)])
                await books.until(has(312 + round * 12))
            found = numbers([each for each in books.done if b"/" not in each])
            assert {key: firsts(all) for key, all in found.items()} == {
                f"k{n}": list(range(25)) for n in range(12)
            }

        asyncio.run(run())

    def test_a_topic_that_is_not_there_is_said_by_name(
        self, kafka_server: KafkaServer | KafkaMock
    ) -> None:
        kafka_server.create("there")
        source = Kafka(kafka_server.url, topic=["there", "missing"])
        with pytest.raises(Away, match=r"topic 'missing': .*[Uu]nknown topic.*; make it there"):
            asyncio.run(opened(source))

    def test_tls_with_a_broker_that_speaks_none_is_said(
        self, kafka_server: KafkaServer | KafkaMock
    ) -> None:
        kafka_server.create("plain")
        source = Kafka(kafka_server.url, topic="plain", tls=True)
        with pytest.raises(Away, match="TLS is asked for"):
            asyncio.run(opened(source))

    def test_a_user_that_the_broker_does_not_know_is_said_without_the_password(
        self, kafka_server: KafkaServer | KafkaMock
    ) -> None:
        kafka_server.create("open")
        source = Kafka(kafka_server.url, topic="open", user="me", password="53cret")
        with pytest.raises(Away) as raised:
            asyncio.run(opened(source))
        assert "SASL" in str(raised.value)
        assert "53cret" not in str(raised.value)

    @pytest.mark.slow
    def test_ten_thousand_keyed_messages_in_order(
        self, kafka_server: KafkaServer | KafkaMock
    ) -> None:
        bench = KafkaBench(kafka_server)

        async def run() -> None:
            seen = Seen()
            rules = Rules(batch=100, workers=4, in_flight=500)
            await bench.publish(keyed(10_000, 50))
            async with Delivery(bench.source(), seen, rules):
                await seen.until(lambda seen: len(seen.done) >= 10_000)
            assert numbers(seen.done) == {f"k{n}": list(range(200)) for n in range(50)}
            again = Seen()
            async with Delivery(bench.source(), again):
                await bench.publish([("k", b"last")])
                await again.until(lambda seen: bool(seen.done))
            assert again.done == [b"last"]

        asyncio.run(run())

    @pytest.mark.slow  # longer than the time in which a member must ask for messages
    def test_a_full_house_keeps_its_place_in_the_group(
        self, kafka_server: KafkaServer | KafkaMock
    ) -> None:
        bench = KafkaBench(kafka_server)

        async def run() -> None:
            seen, go = Seen(), asyncio.Event()

            async def slow(batch: Batch) -> None:
                await go.wait()
                await seen(batch)

            await bench.publish(keyed(3000, 50))
            source = bench.source(
                options={"max.poll.interval.ms": 6000, "session.timeout.ms": 6000}
            )
            async with Delivery(source, slow, Rules(in_flight=100, batch=100)) as delivery:
                await until(lambda: delivery.held == 100)
                await asyncio.sleep(10)
                go.set()
                await seen.until(lambda seen: len(seen.done) >= 3000)
                assert (delivery.tally.reconnects, delivery.tally.repeated) == (0, 0)
            assert len(seen.done) == 3000

        asyncio.run(run())


def has(count: int) -> Callable[[Seen], bool]:
    return lambda seen: len(set(seen.done)) >= count


async def opened(source: Kafka) -> None:
    try:
        await source.open()
    finally:
        await source.close()


class Place:
    """One partition as the broker keeps it: a log, and one number."""

    def __init__(self) -> None:
        self.hand, self.kept = Hand(10), 0
        self.hand.assigned([("t", 0)])

    def commit(self) -> None:
        commits = self.hand.commits()
        self.hand.committed(commits)
        for _, _, offset in commits:
            assert offset >= self.kept
            self.kept = offset


@settings(max_examples=tries(30))
@given(st.permutations(range(8)), st.lists(st.booleans(), min_size=8, max_size=8))
def test_nothing_is_committed_beyond_the_oldest_that_is_not_done(
    order: list[int], commit: list[bool]
) -> None:
    place = Place()
    messages = [read(n) for n in range(8)]
    place.hand.read(messages)
    assert place.hand.give(8) == messages
    for count_, n in enumerate(order, 1):
        place.hand.done([messages[n]])
        if commit[n]:
            place.commit()
            left = set(range(8)) - set(order[:count_])
            assert place.kept == min(left, default=8)


def test_what_was_read_and_not_given_on_is_not_committed_when_its_partition_goes() -> None:
    place = Place()
    place.hand.read([read(n) for n in range(4)])
    place.hand.done(place.hand.give(2))  # type: ignore[arg-type]
    place.hand.settle([("t", 0)], 0)
    place.commit()
    place.hand.lose([("t", 0)])
    assert (place.kept, place.hand.give(9)) == (2, [Lost("t", 0)])
    place.hand.done([read(2)])  # whose partition is not ours
    assert place.hand.commits() == []


def test_what_comes_of_a_partition_that_went_meanwhile_is_passed_over() -> None:
    hand = Hand(10)
    hand.assigned([("t", 0)])
    theirs = KafkaMessage(None, "t/1/5", "1", ("t", 1), 5)
    hand.read([read(0), theirs, read(1)])
    assert [each.id for each in hand.give(9) if isinstance(each, Message)] == ["t/0/0", "t/0/1"]
    assert hand.owned == {("t", 0)}


def test_enough_is_full_and_so_little_that_more_is_read_is_less_than_half_of_it() -> None:
    hand, said = Hand(4), list[tuple[bool, bool, bool]]()
    hand.assigned([("t", 0)])
    for n in range(9):
        said.append((hand.low, hand.full, hand.overfull))
        hand.read([read(n)])
    assert [n for n, (low, _, _) in enumerate(said) if low] == [0, 1]
    assert [n for n, (_, full, _) in enumerate(said) if full] == [4, 5, 6, 7, 8]
    assert [n for n, (_, _, over) in enumerate(said) if over] == [8]


def test_what_was_ours_before_a_reconnect_and_is_not_now_is_lost() -> None:
    hand = Hand(10, before={("t", 0), ("t", 1)})
    assert hand.owned == {("t", 0), ("t", 1)}
    hand.assigned([("t", 1), ("t", 2)])
    assert (hand.give(9), hand.owned) == ([Lost("t", 0)], {("t", 1), ("t", 2)})


def test_an_opening_that_nobody_waits_for_ends_in_silence() -> None:
    async def run() -> list[str]:
        said: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: said.append(str(told)))
        source = Kafka(brokers="127.0.0.1:1", topic="t")
        opening = asyncio.create_task(source.open())
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait([opening])
        await source.close()
        del opening, source
        gc.collect()
        return said

    assert asyncio.run(run()) == []


def test_start_is_a_word() -> None:
    with pytest.raises(WrongSource, match="start='yesterday' is none of all, new"):
        Kafka("127.0.0.1:1", topic="t", start="yesterday")


def read(offset: int) -> KafkaMessage:
    return KafkaMessage(None, f"t/0/{offset}", "0", ("t", 0), offset)
