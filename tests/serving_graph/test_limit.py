"""So many events at a time and a bounded queue before them: order, refusals, deadlines, threads."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pelton import Context, DeadlineExceeded, Graph, Overloaded, steps
from pelton.handlers.errors import GraphError
from pelton.handlers.metrics import Metrics
from pelton.runtime.refusals import refusal
from pelton.serving_graph.clock import ManualClock
from pelton.serving_graph.places import Full, Places, Ticket
from pelton.serving_graph.watch import StepWatch


class Doors:
    """Events of an async step that go through when the test says so."""

    def __init__(self) -> None:
        self.entered: list[int] = []
        self.doors: dict[int, asyncio.Event] = {}
        self.running = self.most = 0

    async def go(self, n: int) -> int:
        self.entered.append(n)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.doors.setdefault(n, asyncio.Event()).wait()
        finally:
            self.running -= 1
        return n

    def open(self, n: int) -> None:
        self.doors.setdefault(n, asyncio.Event()).set()


DOORS = [Doors()]


async def go(n: int) -> int:
    return await DOORS[0].go(n)


def size(text: str) -> int:
    return len(text)


def limited(**options: Any) -> Graph[int, int]:
    DOORS[0] = Doors()
    graph = Graph("g", int) >> steps.limit(go, name="gate", **options)
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    return graph


def test_so_many_at_a_time_and_the_others_in_order() -> None:
    async def main() -> None:
        clock, metrics = ManualClock(), Metrics()
        run = limited(concurrency=2).compile(clock=clock, watch=StepWatch(metrics))
        tasks = [asyncio.ensure_future(run(n)) for n in range(6)]
        await clock.settle()
        levels = {family.name: each for family, _, each in metrics if family.kind == "gauge"}
        assert [levels[f"pelton_step_{name}"].value for name in ("running", "queue_depth")] == [
            2,
            4,
        ]
        for n in (1, 0, 3, 2, 5, 4):
            DOORS[0].open(n)
            await clock.settle()
        assert await asyncio.gather(*tasks) == list(range(6))
        assert DOORS[0].entered == list(range(6))
        assert DOORS[0].most == 2

    asyncio.run(main())


def test_one_more_than_may_wait_is_rejected() -> None:
    async def main() -> None:
        clock = ManualClock()
        run = limited(concurrency=1, room=1).compile(clock=clock)
        tasks = [asyncio.ensure_future(run(n)) for n in range(2)]
        await clock.settle()
        with pytest.raises(
            Overloaded, match="g/gate is full: 1 events are in it, and 1 wait"
        ) as no:
            await run(2)
        answer = refusal(no.value)
        assert answer is not None
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        assert answer.body["step"] == "g/gate"
        for n in range(2):
            DOORS[0].open(n)
        assert await asyncio.gather(*tasks) == [0, 1]
        DOORS[0].open(3)
        assert await run(3) == 3

    asyncio.run(main())


def test_or_it_waits_too() -> None:
    async def main() -> None:
        clock = ManualClock()
        run = limited(concurrency=1, room=0, full="wait").compile(clock=clock)
        tasks = [asyncio.ensure_future(run(n)) for n in range(5)]
        await clock.settle()
        for n in range(5):
            DOORS[0].open(n)
        assert await asyncio.gather(*tasks) == list(range(5))
        assert DOORS[0].entered == list(range(5))

    asyncio.run(main())


def test_none_waits_longer_than_its_deadline_and_a_cancelled_one_frees_its_place() -> None:
    async def main() -> None:
        clock = ManualClock()
        run = limited(concurrency=1, room=2).compile(clock=clock)
        first = asyncio.ensure_future(run(0))
        late = asyncio.ensure_future(run(1, Context(deadline=5.0, clock=clock.now)))
        gone = asyncio.ensure_future(run(2))
        await clock.advance(5)
        with pytest.raises(DeadlineExceeded, match="while it waited for step g/gate"):
            await late
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        more = [asyncio.ensure_future(run(n)) for n in (3, 4)]
        await clock.settle()
        for n in (0, 3, 4):
            DOORS[0].open(n)
        assert await asyncio.gather(first, *more) == [0, 3, 4]
        assert DOORS[0].entered == [0, 3, 4]
        with pytest.raises(DeadlineExceeded, match="before step g/gate began"):
            await run(5, Context(deadline=5.0, clock=clock.now))

    asyncio.run(main())


def test_a_caller_that_goes_while_inside_frees_its_place() -> None:
    async def main() -> None:
        clock = ManualClock()
        run = limited(concurrency=1, room=0).compile(clock=clock)
        inside = asyncio.ensure_future(run(0))
        await clock.settle()
        inside.cancel()
        await asyncio.gather(inside, return_exceptions=True)
        DOORS[0].open(1)
        assert await run(1) == 1

    asyncio.run(main())


def test_a_plain_graph_of_many_threads() -> None:
    lock, running, most = threading.Lock(), 0, 0
    together = threading.Barrier(3)

    def work(n: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(30)  # three are in it at once
        with lock:
            running -= 1
        return n

    run = (Graph("g", int) >> steps.limit(work, concurrency=3, room=27)).compile()
    answers: list[int] = []
    threads = [threading.Thread(target=lambda n=n: answers.append(run(n))) for n in range(30)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert sorted(answers) == list(range(30))
    assert most == 3


def test_a_thread_waits_no_longer_than_its_deadline() -> None:
    clock, inside, free = ManualClock(), threading.Event(), threading.Event()

    def work(n: int) -> int:
        inside.set()
        free.wait(30)
        return n

    run = (Graph("g", int) >> steps.limit(work, concurrency=1)).compile(clock=clock)
    first = threading.Thread(target=run, args=(0,))
    first.start()
    assert inside.wait(30)
    raised: list[Exception] = []

    def wait() -> None:
        try:
            run(1, Context(deadline=5.0, clock=clock.now))
        except DeadlineExceeded as error:
            raised.append(error)

    second = threading.Thread(target=wait)
    second.start()
    while second.is_alive():
        clock.sleep(5)
    free.set()
    first.join(30)
    assert len(raised) == 1
    assert run(2) == 2


def test_errors_free_the_place() -> None:
    def fail(n: int) -> float:
        return 1 / n

    run = (Graph("g", int) >> steps.limit(fail, concurrency=1, room=0)).compile()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            run(0)
    assert run(1) == 1


def test_what_cannot_work_is_refused_at_build() -> None:
    with pytest.raises(GraphError, match="concurrency=0 is not a number from 1 on"):
        steps.limit(size, concurrency=0)
    with pytest.raises(GraphError, match="room=-1"):
        steps.limit(size, room=-1)
    with pytest.raises(GraphError, match="full='block' is not known; there are refuse, wait"):
        steps.limit(size, full="block")  # type: ignore[arg-type]


class Queues(RuleBasedStateMachine):
    """Places against a plain list: nobody overtakes, no place is lost or given twice."""

    @initialize(places=st.integers(1, 3), most=st.one_of(st.none(), st.integers(0, 3)))
    def begin(self, places: int, most: int | None) -> None:
        self.places, self.count, self.most = Places(places, most), places, most
        self.inside, self.number = 0, 0
        self.queue: list[tuple[int, Ticket]] = []
        self.woken: list[int] = []

    @rule()
    def enter(self) -> None:
        number = self.number = self.number + 1
        full = self.inside == self.count and self.most is not None and len(self.queue) >= self.most
        try:
            ticket = self.places.enter(lambda: self.woken.append(number))
        except Full:
            assert full
            return
        assert not full
        assert (ticket is None) is (self.inside < self.count)
        if ticket is None:
            self.inside += 1
        else:
            self.queue.append((number, ticket))

    @precondition(lambda self: self.inside)
    @rule()
    def leave(self) -> None:
        self.places.leave()
        if self.queue:
            number, ticket = self.queue.pop(0)
            assert ticket.granted and self.woken.pop() == number
        else:
            self.inside -= 1
        assert self.woken == []

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        _, ticket = self.queue.pop(data.draw(st.integers(0, len(self.queue) - 1)))
        self.places.give_up(ticket)

    @invariant()
    def agree(self) -> None:
        if hasattr(self, "places"):
            assert (self.places.taken, self.places.waiting) == (self.inside, len(self.queue))


Queues.TestCase.settings = settings(stateful_step_count=30)
test_places_are_as_a_list_would_have_them = Queues.TestCase
