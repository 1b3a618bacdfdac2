"""Batched steps through the public door: on one loop, by threads, for many values at once."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton import Context, Graph, ensemble, parallel, router, steps
from pelton.handlers.errors import DeadlineExceeded, GraphError, NotReady, Overloaded
from pelton.handlers.failed import Failed
from pelton.serving_graph.clock import ManualClock

CALLS: list[Any] = []  # what the models were called with
CLOCKS: list[ManualClock] = []  # the one of the test that runs, for steps that wait on it
HOLD: list[threading.Event] = []


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    CALLS.clear()
    yield
    CLOCKS.clear()
    HOLD.clear()


class Asked(NamedTuple):
    """A value on its way: how long it takes to come to the model, and what it is to do there."""

    name: int
    caller: int = 0
    ripens: float = 0.0
    size: int = 1
    bad: bool = False


async def ripen(value: Asked) -> Asked:
    if value.ripens:
        await CLOCKS[0].wait(value.ripens)
    return value


def answer(values: list[Asked]) -> list[int]:
    CALLS.append((CLOCKS[0].now() if CLOCKS else 0.0, values))
    if any(each.bad for each in values):
        raise LookupError([each.name for each in values if each.bad])
    return [each.name for each in values]


async def answer_later(values: list[Asked]) -> list[int]:
    answers = answer(values)
    await CLOCKS[0].wait(1.0)
    return answers


def shape(value: Asked) -> int:
    return value.size


def rows_of(value: Asked) -> list[float]:
    return [float(value.name)] * value.size


ASKED = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 1.0, 4.0, 30.0]),  # after the one before it
        st.builds(
            Asked,
            name=st.just(0),
            caller=st.integers(0, 3),
            ripens=st.sampled_from([0.0, 0.0, 2.0, 6.0]),
            bad=st.sampled_from([False, False, False, True]),
        ),
    ),
    max_size=20,
)


@settings(deadline=None)
@given(ASKED, st.integers(1, 5))
def test_every_value_is_answered_once_in_order_within_the_bound(
    asked: list[tuple[float, Asked]], max_rows: int
) -> None:
    """Callers send theirs one after another; the model takes no time."""
    CALLS.clear()
    clock = ManualClock()
    CLOCKS[:] = [clock]
    step = steps.batched(answer, max_rows=max_rows, max_wait=5.0)
    run = (Graph("g", Asked) >> ripen >> step).compile(clock=clock)
    mine: dict[int, list[tuple[float, Asked]]] = defaultdict(list)
    now = 0.0
    for name, (gap, each) in enumerate(asked):
        now += gap
        mine[each.caller].append((now, each._replace(name=name)))
    answers: dict[int, Any] = {}
    came: dict[int, float] = {}

    async def caller(values: list[tuple[float, Asked]]) -> None:
        for when, each in values:
            await clock.wait(max(0.0, when - clock.now()))
            came[each.name] = clock.now() + each.ripens
            try:
                answers[each.name] = await run(each)
            except LookupError as error:
                answers[each.name] = error

    async def main() -> None:
        callers = [asyncio.ensure_future(caller(each)) for each in mine.values()]
        await clock.advance(1000.0)
        await asyncio.gather(*callers)

    asyncio.run(main())
    for name, (_, each) in enumerate(asked):
        got = answers[name]
        if each.bad:
            assert isinstance(got, LookupError) and got.args == ([name],)
        else:
            assert got == name
    good = defaultdict(list)
    for when, values in CALLS:
        assert len(values) <= max_rows
        for each in values:
            assert came[each.name] <= when <= came[each.name] + 5.0
            if not any(other.bad for other in values):
                good[each.caller].append(each.name)
    assert sorted(chain(*good.values())) == [n for n, (_, each) in enumerate(asked) if not each.bad]
    assert all(names == sorted(names) for names in good.values())


def graph_of(step: Any, clock: ManualClock, **more: Any) -> Any:
    CLOCKS[:] = [clock]
    return (Graph("g", Asked) >> ripen >> steps.batched(step, **more)).compile(clock=clock)


def names() -> list[list[int]]:
    return [[each.name for each in values] for _, values in CALLS]


def test_a_lone_caller_does_not_wait_and_one_on_its_way_is_waited_for() -> None:
    clock = ManualClock()
    run = graph_of(answer, clock, max_wait=5.0)

    async def main() -> None:
        assert await run(Asked(1)) == 1 and clock.now() == 0.0
        both = asyncio.gather(run(Asked(2)), run(Asked(3, ripens=2.0)))
        await clock.advance(10.0)
        assert list(await both) == [2, 3]
        late = asyncio.gather(run(Asked(4)), run(Asked(5, ripens=60.0)))
        await clock.advance(100.0)
        assert list(await late) == [4, 5]

    asyncio.run(main())
    assert [(when, [each.name for each in values]) for when, values in CALLS] == [
        (0.0, [1]), (2.0, [2, 3]), (15.0, [4]), (70.0, [5]),
    ]  # fmt: skip


def test_who_was_waited_for_and_went_elsewhere_is_not_waited_for_any_longer() -> None:
    clock = ManualClock()
    run = graph_of(answer, clock, max_wait=5.0)

    async def main() -> None:
        waits = asyncio.ensure_future(run(Asked(1)))
        goes = asyncio.ensure_future(run(Asked(2, ripens=50.0)))
        await clock.advance(1.0)
        goes.cancel()
        await clock.settle()
        assert await waits == 1 and clock.now() == 1.0

    asyncio.run(main())


def test_a_cancelled_caller_leaves_and_a_batch_that_nobody_wants_is_cancelled() -> None:
    clock = ManualClock()
    run = graph_of(answer_later, clock, max_rows=2)

    async def main() -> None:
        tasks = [asyncio.ensure_future(run(Asked(n))) for n in range(5)]
        await clock.settle()  # 0 and 1 run
        tasks[2].cancel()
        await clock.settle()
        for each in tasks[:2]:
            each.cancel()
        await clock.settle()  # 3 and 4 run
        await clock.advance(1.0)
        assert await asyncio.gather(*tasks[3:]) == [3, 4]
        assert clock.now() == 1.0

    asyncio.run(main())
    assert names() == [[0, 1], [3, 4]]


@pytest.mark.parametrize("turns", range(5))
def test_a_batch_that_is_cancelled_before_it_began_leaves_its_place(turns: int) -> None:
    """After one of these turns the batch is a task that has not run yet."""
    clock = ManualClock()
    run = graph_of(answer_later, clock)

    async def main() -> None:
        gone = asyncio.ensure_future(run(Asked(1)))
        await clock.settle(turns)
        gone.cancel()
        await clock.settle()
        next_one = asyncio.ensure_future(run(Asked(2)))
        await clock.advance(1.0)
        assert next_one.done() and await next_one == 2

    asyncio.run(main())
    assert names()[-1] == [2]


def test_who_expires_makes_room_for_who_waits_at_the_door() -> None:
    clock = ManualClock()
    run = graph_of(answer_later, clock, max_rows=1, room=1, full="wait")

    async def main() -> None:
        first = asyncio.ensure_future(run(Asked(0)))
        await clock.settle()
        context = Context(clock=clock.now, deadline=0.25)
        queued = asyncio.ensure_future(run(Asked(1), context))
        await clock.settle()
        at_door = asyncio.ensure_future(run(Asked(2), Context(clock=clock.now, deadline=1.25)))
        await clock.advance(0.5)
        assert isinstance(queued.exception(), DeadlineExceeded)
        await clock.advance(5.0)
        assert list(await asyncio.gather(first, at_door)) == [0, 2]

    asyncio.run(main())
    assert names() == [[0], [2]]


def test_a_thread_waits_for_company_on_the_clock_and_not_longer() -> None:
    """One thread is on its way and stays there; the other's wait moves the manual clock."""
    clock, came = ManualClock(), threading.Event()
    HOLD[:] = [threading.Event()]

    def come(value: int) -> int:
        if value == 0:
            came.set()
            HOLD[0].wait(10)
        return value

    def told(values: list[int]) -> list[int]:
        CALLS.append((clock.now(), values))
        return values

    run = (Graph("g", int) >> come >> steps.batched(told, max_wait=5.0)).compile(clock=clock)
    slow = threading.Thread(target=run, args=(0,))
    slow.start()
    came.wait(10)
    assert run(1) == 1
    HOLD[0].set()
    slow.join(10)
    assert CALLS == [(5.0, [1]), (5.0, [0])]


def test_a_deadline_is_kept_while_waiting_and_hurries_a_batch() -> None:
    clock = ManualClock()
    run = graph_of(answer_later, clock, max_wait=5.0)

    def within(seconds: float) -> Context:
        return Context(clock=clock.now, deadline=clock.now() + seconds)

    async def main() -> None:
        hurried = asyncio.ensure_future(run(Asked(1), within(4.0)))
        company = asyncio.ensure_future(run(Asked(2, ripens=60.0)))
        await clock.advance(3.0)
        assert await hurried == 1 and CALLS[0][0] == 2.0
        runs = asyncio.ensure_future(run(Asked(3)))
        await clock.advance(5.5)
        assert len(CALLS) == 2  # the batch of 3 runs for half a second more
        behind = asyncio.gather(run(Asked(4), within(0.25)), return_exceptions=True)
        await clock.advance(0.25)
        (late,) = await behind
        assert isinstance(late, DeadlineExceeded) and "after 0.25 s in the queue" in str(late)
        with pytest.raises(DeadlineExceeded):
            await run(Asked(5), within(-1.0))
        await clock.advance(70.0)
        assert list(await asyncio.gather(runs, company)) == [3, 2]

    asyncio.run(main())
    assert names() == [[1], [3], [2]]


def test_a_full_queue_refuses_or_lets_wait() -> None:
    for full in ("refuse", "wait"):
        clock = ManualClock()
        run = graph_of(answer_later, clock, max_rows=2, room=2, full=full)

        async def main(run: Any = run, clock: ManualClock = clock) -> list[Any]:
            first = [asyncio.ensure_future(run(Asked(n))) for n in (0, 1)]
            await clock.settle()
            rest = [asyncio.ensure_future(run(Asked(n))) for n in range(2, 7)]
            await clock.advance(10.0)
            return await asyncio.gather(*first, *rest, return_exceptions=True)

        got = asyncio.run(main())
        if full == "wait":
            assert got == list(range(7))
            continue
        assert got[:4] == [0, 1, 2, 3]
        assert all(isinstance(each, Overloaded) and each.status == 429 for each in got[4:])
        assert got[4].step == "g/batched" and "2 rows wait already" in str(got[4])


def test_who_waits_for_room_past_the_deadline_is_told_and_one_who_leaves_costs_no_turn() -> None:
    clock = ManualClock()
    run = graph_of(answer_later, clock, max_rows=1, room=1, full="wait")

    async def main() -> list[Any]:
        context = Context(clock=clock.now, deadline=0.5)
        tasks = [asyncio.ensure_future(run(Asked(n))) for n in range(2)]
        await clock.settle()
        tasks.append(asyncio.ensure_future(run(Asked(2), context)))
        tasks += [asyncio.ensure_future(run(Asked(n))) for n in (3, 4)]
        await clock.settle()
        tasks[3].cancel()
        await clock.advance(10.0)
        return await asyncio.gather(*tasks, return_exceptions=True)

    got = asyncio.run(main())
    assert got[:2] == [0, 1] and got[4] == 4
    assert isinstance(got[2], DeadlineExceeded) and "before the queue had room" in str(got[2])
    assert isinstance(got[3], asyncio.CancelledError)


def moods(values: list[int]) -> list[int | Exception]:
    CALLS.append(values)
    if 13 in values:
        raise LookupError("13")
    if 99 in values:
        raise NotReady("resting", after=3.0)
    return [ValueError(n) if n < 0 else n for n in values]


def number(values: list[int]) -> int:
    return len(values)


def test_a_bad_value_fails_alone_by_few_calls() -> None:
    graph = Graph("g", int) >> steps.batched(moods)
    assert graph.output_type is int
    answers = graph.many([*range(13), 13, *range(14, 64)])
    failed = {n: each.error for n, each in enumerate(answers) if isinstance(each, Failed)}
    assert list(failed) == [13] and isinstance(failed[13], LookupError)
    assert [each for each in answers if not isinstance(each, Failed)] == [
        n for n in range(64) if n != 13
    ]
    assert len(CALLS) == 1 + 2 * 6
    with pytest.raises(LookupError) as alone:
        graph(13)
    assert failed[13].input_digest == alone.value.input_digest  # type: ignore[attr-defined]
    assert failed[13].step == "g/batched"  # type: ignore[attr-defined]


def test_an_exception_among_the_answers_fails_its_value() -> None:
    answers = (Graph("g", int) >> steps.batched(moods)).many([1, -2, 3])
    assert answers[::2] == [1, 3] and repr(answers[1].error) == "ValueError(-2)"
    assert CALLS == [[1, -2, 3]]


def test_what_speaks_of_the_service_is_not_asked_again_for_each() -> None:
    answers = (Graph("g", int) >> steps.batched(moods)).many([1, 99, 3])
    assert len(CALLS) == 1
    assert all(each.error.after == 3.0 for each in answers)
    assert len({id(each.error) for each in answers}) == 3


def test_too_few_answers_are_nobodys_and_the_model_s_own_fault() -> None:
    """With fewer rows it may seem right: so it is not asked again for each."""
    asked: list[int] = []

    def short(values: list[int]) -> list[int]:
        asked.append(len(values))
        return values[1:]

    answers = (Graph("g", int) >> steps.batched(short)).many([1, 2, 3])
    assert asked == [3]
    said = "the model gave 2 answers for a batch of 3 rows, and has to give one for each"
    for each in answers:
        assert said in str(each.error)
        assert each.error.__notes__[0].startswith("in step g/batched/short")


def test_by_threads_those_who_come_while_a_batch_runs_are_the_next_one() -> None:
    def held(values: list[int]) -> list[int]:
        CALLS.append(values)
        if len(CALLS) == 1:
            HOLD[0].wait(10)
        return values

    HOLD[:] = [threading.Event()]
    run = (Graph("g", int) >> steps.batched(held, max_rows=8)).compile(clock=ManualClock())
    got: dict[int, int] = {}
    threads = [threading.Thread(target=lambda n=n: got.update({n: run(n)})) for n in range(21)]
    threads[0].start()
    while not CALLS:
        pass
    for each in threads[1:]:
        each.start()
    worker: Any = run._worker
    while worker.in_flight.count < 21:
        pass
    HOLD[0].set()
    for each in threads:
        each.join(10)
    assert got == {n: n for n in range(21)}
    assert CALLS[0] == [0] and sorted(chain(*CALLS)) == list(range(21))
    assert max(map(len, CALLS)) <= 8


@pytest.mark.parametrize("full", ["refuse", "wait"])
def test_threads_meet_a_full_queue(full: Any) -> None:
    def held(values: list[int]) -> list[int]:
        CALLS.append(values)
        HOLD[0].wait(10)
        return values

    HOLD[:] = [threading.Event()]
    step = steps.batched(held, max_rows=1, room=1, full=full)
    run = (Graph("g", int) >> step).compile()
    got: dict[int, Any] = {}

    def ask(n: int) -> None:
        try:
            got[n] = run(n)
        except Overloaded as error:
            got[n] = error

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    threads[0].start()
    while not CALLS:
        pass
    for each in threads[1:]:
        each.start()
    worker: Any = run._worker
    while worker.in_flight.count + len(got) < 6 or (full == "refuse" and len(got) < 4):
        pass
    HOLD[0].set()
    for each in threads:
        each.join(10)
    refused = [each for each in got.values() if isinstance(each, Overloaded)]
    assert len(got) == 6 and len(refused) == (4 if full == "refuse" else 0)


def half(value: float) -> float:
    return value / 2


def is_positive(value: float) -> bool:
    return value > 0


async def later_half(value: float) -> float:
    await asyncio.sleep(0)
    return value / 2


def add_one(values: list[float]) -> list[float]:
    CALLS.append(values)
    return [each + 1 for each in values]


@pytest.mark.parametrize("first", [half, later_half])
def test_a_list_goes_through_in_full_batches_whoever_brings_it(first: Any) -> None:
    inner = (
        steps.step(first)
        >> steps.filter(is_positive)
        >> steps.batched(add_one, max_rows=4)
        >> steps.step(half, name="last")
    )
    graph = Graph("g", list[float]) >> steps.map(inner, concurrency=2)
    values = [4.0, 2.0, -1.0, *(float(n) for n in range(1, 8))]
    want = [(each / 2 + 1) / 2 for each in values if each > 0]
    assert asyncio.run(graph.acall(values)) == want
    assert [len(each) for each in CALLS] == [4, 4, 1]
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec


def test_a_graph_inside_another_keeps_its_batches_whole() -> None:
    inner = Graph("inner", float) >> half >> steps.batched(add_one, max_rows=3)
    graph = Graph("g", list[float]) >> steps.map(inner)
    assert graph([2.0, 4.0, 6.0, 8.0]) == [2.0, 3.0, 4.0, 5.0]
    assert [len(each) for each in CALLS] == [3, 1]


def of_sign(value: float) -> str:
    if value == 0:
        raise ValueError("neither")
    return "up" if value > 0 else "down"


@pytest.mark.parametrize("first", [half, later_half])
def test_branches_inside_a_map_keep_their_batches_whole(first: Any) -> None:
    routes = {"up": steps.batched(add_one, name="b"), "down": half}
    mean = ensemble(steps.batched(add_one, name="b1"), steps.batched(add_one, name="b2"))
    values = [2.0, -4.0, 6.0, 8.0]
    graph = Graph("g", list[float]) >> steps.map(
        steps.step(first) >> parallel(routed=router(of_sign, routes), halved=half)
    )
    assert asyncio.run(graph.acall(values)) == [
        {"routed": n / 2 + 1 if n > 0 else n / 4, "halved": n / 4} for n in values
    ]
    assert CALLS == [[1.0, 3.0, 4.0]]
    CALLS.clear()
    graph = Graph("g", list[float]) >> steps.map(steps.step(first) >> mean)
    assert asyncio.run(graph.acall(values)) == [n / 2 + 1 for n in values]
    assert CALLS == [[1.0, -2.0, 3.0, 4.0]] * 2


def test_in_branches_too_each_of_many_fails_alone_and_says_where() -> None:
    graph = Graph("g", float) >> router(of_sign, {"up": steps.batched(add_one), "down": half})
    answers = graph.many([1.0, 0.0, 3.0])
    assert answers[::2] == [2.0, 4.0] and answers[1].error.step == "g/router"


def test_inside_branches_of_an_async_graph_it_waits_with_it() -> None:
    branches = parallel(one=steps.batched(add_one), two=half)
    graph = Graph("g", float) >> later_half >> branches

    async def main() -> list[Any]:
        return await asyncio.gather(*(graph.acall(float(n)) for n in range(8)))

    assert asyncio.run(main())[6] == {"one": 4.0, "two": 1.5}
    assert [len(each) for each in CALLS] == [8]


def test_alone_it_makes_its_graph_async_when_told() -> None:
    graph = Graph("g", float) >> steps.batched(add_one, is_async=True)
    assert graph.is_async

    async def main() -> list[Any]:
        return await asyncio.gather(*(graph.acall(float(n)) for n in range(8)))

    for _ in range(2):  # another loop finds nothing of the first
        assert asyncio.run(main()) == [float(n) + 1 for n in range(8)]
    assert [len(each) for each in CALLS] == [8, 8]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: steps.batched(half), "half takes float, not a list of values"),
        (lambda: steps.batched(number), "number gives int, not an answer for each value"),
        (lambda: steps.batched(steps.filter(is_positive)), "would let a whole batch go no further"),
        (lambda: steps.batched(steps.batched(add_one)), "is batched already"),
        (
            lambda: steps.batched(steps.once(add_one)),
            "'once' inside it is to run once for an event, and a batch is many",
        ),
        (
            lambda: steps.batched(steps.retry(steps.once(add_one), attempts=1)),
            "runs 'once' several times|is to run once for an event",
        ),
        (lambda: steps.batched(add_one, max_rows=0), "max_rows=0 lets nothing through"),
        (lambda: steps.batched(add_one, max_wait=-1), "max_wait=-1 is no number of seconds"),
        (lambda: steps.batched(add_one, full=cast(Any, "no")), "full='no'; use 'refuse' or 'wait'"),
        (lambda: steps.batched(answer, key="colour"), None),
        (lambda: Graph("g", str) >> steps.batched(add_one), "takes float"),
    ],
)
def test_what_cannot_be_batched_is_said_at_build(made: Any, says: str | None) -> None:
    if says is None:  # a NamedTuple does not declare its fields to the graph
        made()
        return
    with pytest.raises(GraphError, match=says):
        made()


def test_the_spec_keeps_every_option() -> None:
    step = steps.batched(
        answer,
        max_rows=3,
        max_wait=0.5,
        group="any",
        key=shape,
        concurrency=2,
        room=9,
        full="wait",
    )
    graph = Graph("g", Asked) >> step
    again = Graph.from_spec(graph.spec.to_dict())
    assert again.spec == graph.spec and again.steps[0].given == graph.steps[0].given  # type: ignore[attr-defined]
