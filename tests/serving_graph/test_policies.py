"""Policies inside policies, plain and waiting alike; required branches; deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton import Context, DeadlineExceeded, Graph, InvalidInput, Reject, ensemble, parallel, steps
from pelton.serving_graph.clock import ManualClock
from pelton.serving_graph.run import Executor

from ..tries import tries

SCRIPT: list[type[Exception] | None] = []
LETTERS: list[Any] = []
HEARD: list[str] = []

ERRORS: list[type[Exception]] = [ConnectionError, KeyError, Reject, InvalidInput, ZeroDivisionError]


def work(n: Any) -> Any:
    fault = SCRIPT.pop(0) if SCRIPT else None
    if fault is not None:
        raise fault([]) if fault is InvalidInput else fault(f"call of {n!r}")
    return ["done", n]


async def later_work(n: Any) -> Any:
    await asyncio.sleep(0)
    return work(n)


work.__name__ = later_work.__name__ = "work"


def spare(n: Any) -> Any:
    return ["spare", n]


def handle(error: Exception, n: Any) -> Any:
    return ["handled", type(error).__name__, n]


def keep(one: Any) -> None:
    LETTERS.append((one["error"], one["attempts"], one["step"], one["input"]))


Wrap = Callable[[Any], Any]
classes = st.lists(st.sampled_from(ERRORS), min_size=1, max_size=2, unique=True)
passing = st.lists(st.sampled_from([ConnectionError, KeyError]), min_size=1, unique=True)
numbers = st.integers(1, 3)

wraps: st.SearchStrategy[Wrap] = st.one_of(
    st.builds(
        lambda n, on: lambda it: steps.retry(it, attempts=n, on=on, backoff=1, jitter=0),
        numbers,
        passing,
    ),
    st.builds(lambda on: lambda it: steps.catch(it, {tuple(on): handle}), classes),
    st.builds(lambda on: lambda it: steps.fallback(it, spare, on=on), classes),
    st.builds(lambda n: lambda it: steps.breaker(it, failures=n, reset=1e6), numbers),
    st.builds(lambda n: lambda it: steps.limit(it, concurrency=n, room=0), numbers),
    st.builds(
        lambda n, then: lambda it: steps.dead_letter(it, keep, attempts=n, then=then),
        numbers,
        st.sampled_from(["drop", "raise"]),
    ),
    st.builds(lambda n: lambda it: steps.timeout(it, 1e6 * n), numbers),
    st.just(lambda it: steps.hedge(it, after=1e6)),
    st.just(lambda it: steps.optional(it)),
)
scripts = st.lists(st.one_of(st.none(), st.sampled_from(ERRORS)), max_size=8)


def outcomes(graph: Graph[Any, Any], script: list[Any], events: int) -> Any:
    """Everything that can be seen of some events: answers, errors with their notes, letters."""
    clock = ManualClock()
    run: Executor = graph.compile(clock=clock)
    SCRIPT[:] = script
    LETTERS.clear()
    seen: list[Any] = []
    for n in range(events):
        context = Context(clock=clock.now)
        try:
            seen.append(_answer(run, n, clock, context))
        except Exception as error:
            known = ("step", "input_digest", "attempts")
            notes = getattr(error, "__notes__", [])
            told = [getattr(error, name, None) for name in known]
            seen.append((type(error).__name__, str(error), notes, told))
        seen.append([dict(each) for each in context.failed])
    return seen, list(LETTERS), list(SCRIPT)


def _answer(run: Executor, value: Any, clock: ManualClock, context: Context) -> Any:
    if not run.is_async:
        return run(value, context)

    async def main() -> Any:
        task = asyncio.ensure_future(run(value, context))
        while not task.done():
            await clock.advance(10)
        return await task

    return asyncio.run(main())


@settings(max_examples=tries(60), deadline=None)
@given(st.lists(wraps, min_size=1, max_size=4), scripts, st.integers(1, 3))
def test_plain_waiting_and_rebuilt_come_to_the_same(
    around: list[Wrap], script: list[Any], events: int
) -> None:
    graphs = []
    for one in (work, later_work):
        step: Any = one
        for wrap in around:
            step = wrap(step)
        graphs.append(Graph("g") >> step)
    plain, waiting = graphs
    assert waiting.is_async and not plain.is_async
    expected = outcomes(plain, script, events)
    assert outcomes(waiting, script, events) == expected
    again = Graph.from_spec(plain.spec.to_dict())
    assert again.spec == plain.spec
    assert outcomes(again, script, events) == expected


async def patient(n: int) -> int:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)  # what ends may wait, too
        HEARD.append("ended")
    return n


async def failing(n: int) -> int:
    await asyncio.sleep(0)
    raise LookupError(n)


def same(given: dict[str, Any]) -> dict[str, Any]:
    return given


FLOW = Graph("g", int).to(patient).to(failing, after="input")


@pytest.mark.parametrize(
    "graph",
    [
        Graph("g", int) >> parallel(a=patient, b=failing, c=patient),
        Graph("g", int) >> ensemble(patient, failing),
        Graph("g", int)
        .to(patient)
        .to(failing, after="input")
        .to(same, after=["patient", "failing"]),
    ],
)
def test_an_error_of_a_required_branch_ends_the_others_and_waits_for_them(graph: Any) -> None:
    HEARD.clear()

    async def main() -> None:
        with pytest.raises(LookupError):
            await graph.acall(1)
        assert set(HEARD) == {"ended"}
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_plain_branches_after_a_failed_one_are_not_begun() -> None:
    begun: list[str] = []

    def fail(n: int) -> int:
        raise LookupError(n)

    def after(n: int) -> int:
        begun.append("after")
        return n

    with pytest.raises(LookupError):
        (Graph("g", int) >> parallel(a=fail, b=after))(1)
    assert begun == []


def test_deadlines_pass_down_through_everything() -> None:
    told: list[float | None] = []

    def look(n: int, context: Context) -> int:
        told.append(context.remaining_time())
        return n

    clock = ManualClock()
    inner = steps.limit(steps.retry(steps.optional(steps.breaker(look))))
    step = steps.timeout(steps.catch(steps.fallback(inner, look), {KeyError: handle}), 5)
    assert (Graph("g", int) >> step).compile(clock=clock)(1) == 1
    context = Context(deadline=3.0, clock=clock.now)
    assert (Graph("g", int) >> step).compile(clock=clock)(1, context) == 1
    assert told == [5, 3]


def test_a_late_event_is_refused_where_it_would_wait() -> None:
    clock = ManualClock(10)
    late = Context(deadline=9.0, clock=clock.now)
    for step in (steps.limit(work), steps.timeout(work, 1), steps.hedge(work, after=1)):
        with pytest.raises(DeadlineExceeded):
            (Graph("g", int) >> step).compile(clock=clock)(1, late)


def doubled(rows: list[int]) -> list[int]:
    return [2 * each for each in work(rows)[1]]


def test_a_batch_may_be_tried_again() -> None:
    SCRIPT[:] = [ConnectionError]
    step = steps.batched(steps.retry(doubled, backoff=0, attempts=2), max_rows=4)
    graph = Graph("g", int) >> step
    assert graph.many([1, 2, 3]) == [2, 4, 6]
    assert SCRIPT == []
    assert graph.batches
    assert not (Graph("g", int) >> steps.retry(work)).batches
