"""A bound on a step's time: its caller goes on, what is given up is told, deadlines pass down."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from pelton import Context, DeadlineExceeded, Graph, Overloaded, steps
from pelton.handlers.errors import GraphError
from pelton.serving_graph.clock import ManualClock

CLOCK = [ManualClock()]  # of the test that runs, for steps that take time
HEARD: list[Any] = []
GATES: list[threading.Event] = []


@pytest.fixture
def clock() -> ManualClock:
    CLOCK[0] = ManualClock()
    HEARD.clear()
    GATES.clear()
    return CLOCK[0]


def takes(seconds: float, context: Context) -> float:
    HEARD.append(context.remaining_time())
    CLOCK[0].sleep(seconds)
    HEARD.append(context.cancelled)
    return seconds


async def waits(seconds: float, context: Context) -> float:
    HEARD.append(context.remaining_time())
    try:
        await CLOCK[0].wait(seconds)
    finally:
        HEARD.append(context.cancelled)
    return seconds


async def at_once(n: float) -> float:
    await asyncio.sleep(0)
    return n


def fails(n: float) -> float:
    raise LookupError(n)


def blocked(n: float) -> float:
    GATES[int(n)].wait()
    return n


def outcome(graph: Graph[Any, Any], value: Any, context: Context | None = None) -> Any:
    run = graph.compile(clock=CLOCK[0])
    if not run.is_async:
        return run(value, context)

    async def main() -> Any:
        task = asyncio.ensure_future(run(value, context))
        await CLOCK[0].advance(100)
        return await task

    return asyncio.run(main())


def made(one: Any, seconds: float) -> Graph[Any, Any]:
    graph = Graph("g", float) >> steps.timeout(one, seconds, name="bound")
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    return graph


both = pytest.mark.parametrize("one", [takes, waits])


@both
def test_what_is_done_in_time_is_the_answer(one: Any, clock: ManualClock) -> None:
    assert outcome(made(one, 5), 4) == 4
    assert HEARD == [5, False]


@both
@pytest.mark.parametrize("seconds", [5, 60])
def test_what_is_not_is_given_up(one: Any, seconds: float, clock: ManualClock) -> None:
    with pytest.raises(DeadlineExceeded, match="g/bound was not done within its 5 s") as caught:
        outcome(made(one, 5), seconds)
    assert caught.value.step == "g/bound"  # type: ignore[attr-defined]
    assert len(caught.value.input_digest) == 12  # type: ignore[attr-defined]
    assert CLOCK[0].now() >= 5


def test_who_is_given_up_hears_it(clock: ManualClock) -> None:
    """A thread by its context; a task by being cancelled, too."""
    told = threading.Event()

    def works(n: float, context: Context) -> float:
        clock.sleep(60)
        HEARD.append(context.cancelled)
        told.set()
        return n

    with pytest.raises(DeadlineExceeded):
        outcome(Graph("g", float) >> steps.timeout(works, 5), 1)
    assert told.wait(10)
    assert HEARD == [True]
    HEARD.clear()
    with pytest.raises(DeadlineExceeded):
        outcome(made(waits, 5), 60)
    assert HEARD == [5, True]


@both
def test_the_events_deadline_holds_where_it_is_nearer(one: Any, clock: ManualClock) -> None:
    context = Context(deadline=3.0, clock=clock.now)
    with pytest.raises(DeadlineExceeded, match="within the event's last 3 s"):
        outcome(made(one, 5), 4, context)
    assert HEARD[0] == 3


@both
def test_nothing_begins_when_the_time_is_over(one: Any, clock: ManualClock) -> None:
    clock.sleep(10)
    with pytest.raises(DeadlineExceeded, match="was over before step g/bound began"):
        outcome(made(one, 5), 1, Context(deadline=9.0, clock=clock.now))
    assert HEARD == []


@both
def test_bounds_inside_bounds(one: Any, clock: ManualClock) -> None:
    inner = steps.timeout(one, 7, name="inner")
    with pytest.raises(DeadlineExceeded, match="g/outer/inner"):
        outcome(Graph("g", float) >> steps.timeout(inner, 9, name="outer"), 8)
    again = steps.timeout(steps.timeout(one, 9, name="inner"), 7, name="outer")
    with pytest.raises(DeadlineExceeded, match=r"within (its|the event's last) 7 s"):
        outcome(Graph("g", float) >> again, 8)


def test_its_errors_are_the_steps_own(clock: ManualClock) -> None:
    with pytest.raises(LookupError) as caught:
        outcome(made(fails, 5), 1)
    assert caught.value.step == "g/bound/fails"  # type: ignore[attr-defined]


def test_an_event_may_end_inside(clock: ManualClock) -> None:
    def never(n: float) -> bool:
        return False

    assert outcome(Graph("g", float) >> steps.timeout(steps.filter(never), 5), 1) is None


def test_a_step_that_blocks_does_not_hold_the_loop(clock: ManualClock) -> None:
    """A plain step with a bound is in a thread where other steps wait: others go through."""
    GATES.extend([threading.Event(), threading.Event()])
    GATES[1].set()

    async def main() -> Any:
        graph = Graph("g", float) >> at_once >> steps.timeout(blocked, 5)
        run = graph.compile(clock=clock)
        stuck = asyncio.ensure_future(run(0))
        assert await run(1) == 1
        assert not stuck.done()
        await clock.advance(5)
        with pytest.raises(DeadlineExceeded):
            await stuck

    try:
        asyncio.run(main())
    finally:
        GATES[0].set()


def test_calls_that_do_not_end_are_bounded(clock: ManualClock) -> None:
    GATES.extend([threading.Event()])
    over: list[threading.Thread] = []
    run = (Graph("g", float) >> steps.timeout(blocked, 5, threads=2)).compile(clock=clock)

    def call() -> None:
        with pytest.raises(DeadlineExceeded):
            run(0)

    try:
        over += [threading.Thread(target=call) for _ in range(2)]
        for each in over:
            each.start()
        while sum(each.name == "pelton-try" for each in threading.enumerate()) < 2:
            pass
        with pytest.raises(Overloaded, match="has 2 calls that do not end"):
            run(0)
        while any(each.is_alive() for each in over):
            clock.sleep(5)
        with pytest.raises(Overloaded):
            run(0)
    finally:
        GATES[0].set()
    for each in over:
        each.join(10)


def test_a_caller_that_is_cancelled_cancels_the_step(clock: ManualClock) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(made(waits, 5).compile(clock=clock)(60))
        await clock.settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [each for each in asyncio.all_tasks() if each is not asyncio.current_task()] == []

    asyncio.run(main())
    assert HEARD == [5, True]


def test_it_may_be_caught_and_tried_again(clock: ManualClock) -> None:
    again = steps.retry(steps.timeout(takes, 5), attempts=2, backoff=1, jitter=0)

    def late(error: DeadlineExceeded) -> str:
        return "late"

    graph = Graph("g", float) >> steps.catch(again, {DeadlineExceeded: late})
    assert outcome(graph, 60) == "late"
    assert [each for each in clock.slept if each == 1] == [1]


@pytest.mark.parametrize("seconds", [-1, float("inf"), "5", None, True])
def test_what_is_no_time_is_refused_at_build(seconds: Any) -> None:
    with pytest.raises(GraphError, match="is not a number from 0 on"):
        steps.timeout(takes, seconds)
