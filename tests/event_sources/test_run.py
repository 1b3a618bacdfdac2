"""A run, in which messages are handed out with no turn of the event loop between them: it is the
same to a handler, a broker and whoever looks on as when each of them waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.event_sources import (
    Backoff,
    Batch,
    Delivery,
    Failed,
    Letter,
    Message,
    Once,
    Outcome,
    Rules,
    Source,
)
from pelton.event_sources.dead_letters import ToCall
from pelton.event_sources.delivery.outcome import Handler
from pelton.event_sources.sources.memory import Memory
from pelton.event_sources.stores.memory import MemoryStore
from pelton.localstack.manual_clock import ManualClock

from ..tries import tries
from .bench import until

Decide = Callable[[Batch], Outcome | None]
Way = Callable[[Decide], Handler]
# What a handler does with a message at its first try, at its second …; then it succeeds.
Fates = list[list[str]]
FATES = st.lists(
    st.lists(st.sampled_from(["fails", "raises", "never", "unblamed"]), max_size=3), max_size=12
)


class Watched(Memory):
    """What was acknowledged, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.acked: list[str] = []

    async def ack(self, messages: Sequence[Message]) -> None:
        self.acked += [each.id for each in messages]
        await super().ack(messages)


@dataclass
class Story:
    """All that a delivery has done."""

    calls: list[list[str]] = field(default_factory=list)
    letters: dict[str, tuple[str, int]] = field(default_factory=dict)
    acked: list[str] = field(default_factory=list)
    counts: tuple[int, ...] = ()
    status: str = ""

    def by_lane(self, lanes: int) -> list[list[str]]:
        """The calls of each lane, for deliveries of single messages."""
        flat = [id for batch in self.calls for id in batch]
        return [[id for id in flat if int(id) % lanes == lane] for lane in range(lanes)]


class Fated:
    """Decides by the fates; `waits` says for which batches it waits for something on its way."""

    def __init__(self, fates: Fates, story: Story) -> None:
        self._left = {str(n + 1): list(each) for n, each in enumerate(fates)}
        self._calls = story.calls

    def __call__(self, batch: Batch) -> Outcome | None:
        self._calls.append([each.id for each in batch.messages])
        failed = dict[str, Failed]()
        for each in batch.messages:
            fate = self._left[each.id].pop(0) if self._left[each.id] else ""
            if fate == "raises":
                raise ValueError(each.id)
            if fate:
                failed[each.id] = Failed(fate, never=fate == "never", blame=fate != "unblamed")
        return Outcome(failed=failed) if failed else None


async def told(fates: Fates, lanes: int, rules: Rules, way: Way) -> Story:
    """What happens when the handler is of that way."""
    clock, source, story = ManualClock(start=0.0), Watched(), Story()

    async def bury(letter: Letter) -> None:
        story.letters[letter.message.id] = (letter.reason, letter.attempts)

    handle = way(Fated(fates, story))
    for n in range(len(fates)):
        source.put(b"", key=f"k{(n + 1) % lanes}")
    delivery = Delivery(source, handle, rules, dead_letters=ToCall(bury), clock=clock)
    async with delivery:
        await clock.advance(100_000)
        await source.all_done()
    tally = delivery.tally
    story.counts = (tally.received, tally.done, tally.failed, tally.buried, tally.bisected)
    # Sorted: what is given up is acknowledged when it is safe, be others done meanwhile.
    story.acked, story.status = sorted(source.acked), str(delivery.status)
    assert delivery.held == 0
    return story


def plain(handle: Decide) -> Handler:
    return handle


def at_once(handle: Decide) -> Handler:
    async def handler(batch: Batch) -> Outcome | None:
        return handle(batch)

    return handler


def waiting(handle: Decide) -> Handler:
    """Never in a run: the ordinary way."""

    async def handler(batch: Batch) -> Outcome | None:
        await asyncio.sleep(0)
        return handle(batch)

    return handler


def now_and_then(waits: list[bool]) -> Way:
    left = list(waits)

    def way(handle: Decide) -> Handler:
        async def handler(batch: Batch) -> Outcome | None:
            if left and left.pop():
                await asyncio.sleep(0)
            return handle(batch)

        return handler

    return way


@settings(max_examples=tries(30), deadline=None)
@given(FATES, st.integers(1, 3), st.integers(1, 3), st.lists(st.booleans(), max_size=12))
def test_one_message_a_call_it_is_the_same_however_the_handler_answers(
    fates: Fates, lanes: int, workers: int, waits: list[bool]
) -> None:
    rules = Rules(workers=workers, attempts=3, retry=Backoff(first=1.0))
    ways = (waiting, plain, at_once, now_and_then(waits))
    ordinary, *others = [asyncio.run(told(fates, lanes, rules, way)) for way in ways]
    for each in others:
        assert each.by_lane(lanes) == ordinary.by_lane(lanes)
        assert replace(each, calls=[]) == replace(ordinary, calls=[])


@settings(max_examples=tries(30), deadline=None)
@given(FATES, st.integers(2, 5), st.booleans(), st.lists(st.booleans(), max_size=12))
def test_batches_of_one_lane_are_the_same_however_the_handler_answers(
    fates: Fates, batch: int, bisect: bool, waits: list[bool]
) -> None:
    rules = Rules(batch=batch, attempts=3, retry=Backoff(first=1.0), bisect=bisect)
    ways = (waiting, plain, at_once, now_and_then(waits))
    ordinary, *others = [asyncio.run(told(fates, 1, rules, way)) for way in ways]
    assert all(each == ordinary for each in others)


def test_the_loop_has_its_turns_while_a_handler_never_waits() -> None:
    async def run() -> None:
        source, turns, tasks = Memory(), 0, list[asyncio.Task[None]]()

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        def busy(batch: Batch) -> None:
            if not tasks:
                tasks.append(asyncio.get_running_loop().create_task(others()))
            began = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() < began + 0.006:
                pass

        for _ in range(10):
            source.put(b"")
        async with Delivery(source, busy):
            await source.all_done()
        tasks[0].cancel()
        assert turns >= 9

    asyncio.run(run())


def test_what_is_paused_in_the_middle_of_a_run_stands_still_and_goes_on() -> None:
    async def run() -> None:
        source, seen = Memory([b"1", b"2", b"3"]), list[bytes]()

        def handle(batch: Batch) -> None:
            seen.append(batch.messages[0].body)
            if seen == [b"1"]:
                delivery.pause()

        async with Delivery(source, handle) as delivery:
            await until(lambda: delivery.tally.done == 1)
            for _ in range(20):
                await asyncio.sleep(0)
            assert (seen, delivery.held) == ([b"1"], 2)
            delivery.resume()
            await source.all_done()
        assert seen == [b"1", b"2", b"3"]

    asyncio.run(run())


def test_what_a_run_did_not_come_to_is_given_back_at_the_end() -> None:
    async def run() -> None:
        source = Memory([b"1", b"2", b"3"])
        stops: list[asyncio.Task[None]] = []

        async def handle(batch: Batch) -> None:
            if batch.messages[0].body == b"2":
                stops.append(asyncio.get_running_loop().create_task(delivery.stop()))
                await asyncio.sleep(0.01)

        delivery = Delivery(source, handle)
        await delivery.start()
        await until(lambda: bool(stops))
        await stops[0]
        assert delivery.tally.done == 2
        assert [each.body for each in await source.receive(10, 0)] == [b"3"]

    asyncio.run(run())


def test_other_workers_take_what_is_behind_one_that_waits() -> None:
    async def run() -> None:
        source, together = Memory([b"1", b"2", b"3"]), asyncio.Barrier(3)

        async def handle(batch: Batch) -> None:
            await together.wait()

        async with asyncio.timeout(60), Delivery(source, handle, Rules(workers=3)):
            await source.all_done()

    asyncio.run(run())


def test_a_handler_that_is_cancelled_while_it_waits_may_tidy_up() -> None:
    async def run() -> None:
        source, said, inside = Memory([b"1"]), list[str](), asyncio.Event()

        async def handle(batch: Batch) -> None:
            try:
                inside.set()
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0)
                said.append("tidied up")

        delivery = Delivery(source, handle)
        await delivery.start()
        await inside.wait()
        await delivery.stop(grace=0)
        assert (said, delivery.tally.done) == (["tidied up"], 0)

    asyncio.run(run())


def test_a_copy_in_a_run_is_seen_once_where_a_store_knows_it() -> None:
    async def run() -> None:
        source, seen = Memory([b"a", b"b", b"a"]), list[bytes]()

        def handle(batch: Batch) -> None:
            seen.extend(each.body for each in batch.messages)

        once = Once(handle, MemoryStore(), key=lambda message: message.body.decode())
        async with Delivery(source, once):
            await source.all_done()
        assert (seen, once.suppressed) == ([b"a", b"b"], 1)

    asyncio.run(run())


@pytest.mark.parametrize("batch", [1, 3])
def test_what_is_acknowledged_by_name_while_it_is_in_hand_is_acknowledged_once(batch: int) -> None:
    async def run() -> None:
        source = Watched()
        for _ in range(3):
            source.put(b"")

        def handle(given: Batch) -> None:
            delivery.acknowledge([given.messages[0].id])

        async with Delivery(source, handle, Rules(batch=batch)) as delivery:
            await source.all_done()
        assert sorted(source.acked) == ["1", "2", "3"]

    asyncio.run(run())


class Flood(Source):
    """As many as are asked for, at once, and it says how many are out."""

    kind = "flood"

    def __init__(self) -> None:
        self.given = self.acked = self.most = 0

    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        found = [Message(str(self.given + n), b"") for n in range(most)]
        self.given += most
        self.most = max(self.most, self.given - self.acked)
        return found

    async def ack(self, messages: Sequence[Message]) -> None:
        self.acked += len(messages)


@pytest.mark.parametrize("slow", [False, True])
def test_no_more_is_held_than_may_be(slow: bool) -> None:
    async def run() -> None:
        source, enough = Flood(), asyncio.Event()

        async def handle(batch: Batch) -> None:
            if slow:
                await asyncio.sleep(0)
            if int(batch.messages[-1].id) > 500:
                enough.set()

        delivery = Delivery(source, handle, Rules(in_flight=50))
        async with delivery:
            await enough.wait()
        # Beside those in hand, what is being acknowledged at that moment.
        assert source.most <= 100

    asyncio.run(run())
