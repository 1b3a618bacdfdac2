"""The promises, as tests that every broker must pass: a broker's own file is a subclass with a
`bench` (and what is peculiar to it).  A test of a promise that the broker cannot keep is skipped by
the source's own `promises`, so that the table in the documents and the tests cannot differ."""

from __future__ import annotations

import asyncio

import pytest

from pelton.event_sources import Backoff, Batch, Delivery, Promises, Rules
from pelton.event_sources.dead_letters import ToBroker

from .bench import Bench, Seen, choking, failing, firsts, keyed, numbers, until

FAST = Backoff(first=0.01, longest=0.02)
NOW = Backoff(first=0.01, longest=0.05)


class PromiseTests:
    """One test a promise."""

    promises: Promises  # of the source's class

    @pytest.fixture
    def bench(self) -> Bench:
        raise NotImplementedError

    def needs(self, promise: str) -> None:
        if not getattr(self.promises, promise):
            pytest.skip(f"it does not promise: {promise}")

    def test_each_message_comes_whole_and_is_done_once(self, bench: Bench) -> None:
        async def run() -> None:
            seen = Seen()
            async with Delivery(bench.source(), seen, Rules(batch=10)) as delivery:
                await until(lambda: delivery.status.state == "ready")
                await bench.publish(keyed(100, 5))
                await seen.until(lambda seen: len(seen.done) >= 100)
            again = Seen()
            async with Delivery(bench.source(), again) as later:
                await until(lambda: later.status.state == "ready")
                await bench.publish([("k", b"last")])
                await again.until(lambda seen: bool(seen.done))
            assert sorted(seen.bodies) == sorted(body for _, body in keyed(100, 5))
            assert again.bodies == [b"last"]

        asyncio.run(run())

    def test_what_came_before_the_worker_is_there(self, bench: Bench) -> None:
        self.needs("redelivers")

        async def run() -> None:
            await bench.publish(keyed(20, 2))
            seen = Seen()
            async with Delivery(bench.source(), seen, Rules(batch=7)):
                await seen.until(lambda seen: len(seen.done) >= 20)
            assert numbers(seen.bodies) == {f"k{n}": list(range(10)) for n in range(2)}

        asyncio.run(run())

    def test_a_batch_waits_for_its_window_and_is_no_larger_than_said(self, bench: Bench) -> None:
        async def run() -> None:
            seen = Seen()
            rules = Rules(batch=4, window=3600)
            async with Delivery(bench.source(), seen, rules) as delivery:
                await until(lambda: delivery.status.state == "ready")
                await bench.publish(keyed(8, 1))
                await seen.until(lambda seen: len(seen.done) >= 8)
            assert list(map(len, seen.batches)) == [4, 4]

        asyncio.run(run())

    def test_what_failed_comes_again_before_the_next_of_its_key(self, bench: Bench) -> None:
        self.needs("ordered_by")

        async def run() -> None:
            tries: list[bytes] = []

            def third_time(batch: Batch) -> None:
                tries.extend(each.body for each in batch.messages)
                if tries.count(b"k0:2") < 3 and b"k0:2" in [each.body for each in batch.messages]:
                    raise ValueError("not yet")

            seen = Seen(third_time)
            rules = Rules(batch=3, workers=4, retry=FAST)
            async with Delivery(bench.source(), seen, rules) as delivery:
                await until(lambda: delivery.status.state == "ready")
                await bench.publish(keyed(40, 4))
                await seen.until(lambda seen: len(set(seen.done)) >= 40)
            found = numbers(seen.done)
            assert {key: firsts(found[key]) for key in found} == {
                f"k{n}": list(range(10)) for n in range(4)
            }

        asyncio.run(run())

    def test_only_who_failed_in_a_batch_comes_again(self, bench: Bench) -> None:
        async def run() -> None:
            tries: list[bytes] = []

            def once(batch: Batch) -> object:
                first = b"k1:0" not in tries
                tries.extend(each.body for each in batch.messages)
                return failing(b"k1:0")(batch) if first else None

            seen = Seen(once)  # type: ignore[arg-type]
            rules = Rules(batch=6, window=3600, retry=FAST, ordered=False)
            async with Delivery(bench.source(), seen, rules) as delivery:
                await until(lambda: delivery.status.state == "ready")
                await bench.publish(keyed(6, 6))
                await seen.until(lambda seen: len(seen.done) >= 6)
            assert sorted(seen.bodies) == sorted([*(body for _, body in keyed(6, 6)), b"k1:0"])

        asyncio.run(run())

    def test_poison_is_isolated_and_buried_with_its_reason(self, bench: Bench) -> None:
        self.needs("dead_letters")

        async def run() -> None:
            seen = Seen(choking(b"k1:3"))
            rules = Rules(batch=8, window=0.1, attempts=2, retry=FAST)
            delivery = Delivery(
                bench.source(), seen, rules, dead_letters=ToBroker(bench.dead), reconnect=NOW
            )
            async with delivery:
                await until(lambda: delivery.status.state == "ready")
                await bench.publish(keyed(16, 4))
                await until(lambda: delivery.tally.buried + delivery.tally.done >= 16)
            assert sorted(seen.done) == sorted(b for _, b in keyed(16, 4) if b != b"k1:3")
            ((body, headers),) = await bench.letters()
            assert body == b"k1:3"
            assert headers["dead-letter-reason"] == "ValueError: cannot read one of these"
            assert headers["dead-letter-attempts"] == "2"
            assert {"dead-letter-topic", "dead-letter-id", "dead-letter-source"} <= set(headers)

        asyncio.run(run())

    def test_a_slow_handler_holds_no_more_than_it_may(self, bench: Bench) -> None:
        self.needs("redelivers")

        async def run() -> None:
            go, most = asyncio.Event(), list[int]()
            seen = Seen()

            async def slow(batch: Batch) -> None:
                await go.wait()
                most.append(delivery.held)
                await seen(batch)

            delivery = Delivery(bench.source(), slow, Rules(in_flight=10, batch=2))
            await bench.publish(keyed(50, 50))
            async with delivery:
                await until(lambda: delivery.held == 10)
                go.set()
                await seen.until(lambda seen: len(seen.done) >= 50)
            assert max(most) <= 10

        asyncio.run(run())

    def test_paused_it_hands_out_nothing(self, bench: Bench) -> None:
        async def run() -> None:
            seen = Seen()
            async with Delivery(bench.source(), seen) as delivery:
                await until(lambda: delivery.status.state == "ready")
                delivery.pause()
                await bench.publish(keyed(3, 1))
                await asyncio.sleep(0.05)
                assert (seen.bodies, delivery.status.paused) == ([], True)
                delivery.resume()
                await seen.until(lambda seen: len(seen.done) >= 3)
            assert seen.bodies == [b"k0:0", b"k0:1", b"k0:2"]

        asyncio.run(run())

    def test_what_a_dead_worker_held_comes_again_with_its_count(self, bench: Bench) -> None:
        self.needs("redelivers")

        async def run() -> None:
            await bench.publish(keyed(4, 1))
            dead = bench.source(lease=1.0)
            await dead.open()
            taken = list(await dead.receive(2, 10))
            await dead.close()  # without a word on what it has taken
            seen = Seen()
            async with Delivery(bench.source(lease=1.0), seen):
                await seen.until(lambda seen: len(set(seen.done)) >= 4)
            assert sorted(set(seen.done)) == sorted(body for _, body in keyed(4, 1))
            if self.promises.counts:
                again = dict(zip(seen.bodies, seen.attempts, strict=True))
                assert all(again[each.body] >= 2 for each in taken)  # type: ignore[union-attr]

        asyncio.run(run())

    @pytest.mark.slow  # longer than a client library waits by itself
    def test_where_nothing_comes_it_stays_connected(self, bench: Bench) -> None:
        async def run() -> None:
            states: list[str] = []
            delivery = Delivery(
                bench.source(), Seen(), on_status=lambda status: states.append(str(status))
            )
            async with delivery:
                await until(lambda: delivery.status.state == "ready")
                await asyncio.sleep(12)
                assert (states, delivery.tally.reconnects) == (["ready"], 0)

        asyncio.run(run())

    @pytest.mark.slow  # longer than a lease that a busy machine does not miss
    def test_a_handler_slower_than_the_lease_keeps_its_message(self, bench: Bench) -> None:
        self.needs("extends")

        async def run() -> None:
            seen, other = Seen(), Seen()

            async def slow(batch: Batch) -> None:
                await asyncio.sleep(9)
                await seen(batch)

            await bench.publish([("k", b"slow")])
            async with Delivery(bench.source(lease=4.0), slow) as first:
                await until(lambda: first.held == 1)
                async with Delivery(bench.source(lease=4.0), other):
                    await seen.until(lambda seen: bool(seen.done))
            assert (seen.done, other.bodies) == ([b"slow"], [])

        asyncio.run(run())

    def test_what_waits_at_the_end_is_anybodys_at_once(self, bench: Bench) -> None:
        self.needs("requeues")

        async def run() -> None:
            never = asyncio.Event()

            async def stuck(batch: Batch) -> None:
                await never.wait()

            await bench.publish(keyed(10, 10))
            first = Delivery(bench.source(), stuck)
            await first.start()
            await until(lambda: first.held == 10)
            await first.stop(grace=0)
            seen = Seen()
            async with Delivery(bench.source(), seen):
                await seen.until(lambda seen: len(seen.done) >= 9)
            assert len(set(seen.done)) >= 9  # the one in hand comes when its lease is over

        asyncio.run(run())

    def test_a_broker_that_is_killed_loses_nothing(self, bench: Bench) -> None:
        self.needs("redelivers")

        async def run() -> None:
            states: list[str] = []
            go, seen = asyncio.Event(), Seen()

            async def handle(batch: Batch) -> None:
                await seen(batch)
                if len(seen.done) > 10:
                    await go.wait()

            delivery = Delivery(
                bench.source(lease=2.0),
                handle,
                Rules(batch=2),
                reconnect=NOW,
                on_status=lambda status: states.append(status.state),
            )
            await bench.publish(keyed(60, 3))
            async with delivery:
                await seen.until(lambda seen: len(seen.done) > 10)
                bench.kill()
                await until(lambda: delivery.status.state == "unhealthy")
                assert delivery.status.reason
                go.set()
                bench.start()
                await seen.until(lambda seen: len(set(seen.done)) >= 60)
                await until(lambda: delivery.status.state == "ready")
            assert [*dict.fromkeys(states)] == ["ready", "unhealthy", "stopped"]
            if self.promises.ordered_by:
                assert {key: firsts(found) for key, found in numbers(seen.done).items()} == {
                    f"k{n}": list(range(20)) for n in range(3)
                }

        asyncio.run(run())

    def test_a_broker_that_is_not_there_yet_is_waited_for(self, bench: Bench) -> None:
        async def run() -> None:
            seen = Seen()
            source = bench.source()
            bench.kill()
            try:
                delivery = Delivery(source, seen, reconnect=NOW)
                await delivery.start()
                await until(lambda: delivery.status.state == "unhealthy")
            finally:
                bench.start()
            await until(lambda: delivery.status.state == "ready")
            await bench.publish([("k", b"late")])
            await seen.until(lambda seen: bool(seen.done))
            await delivery.stop()
            assert seen.done == [b"late"]

        asyncio.run(run())
