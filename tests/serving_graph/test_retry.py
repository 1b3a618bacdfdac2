"""Another try: how often, after which errors, how long between, and never past the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import Context, Graph, InvalidInput, NotReady, Overloaded, Reject, steps
from pelton.handlers.errors import GraphError
from pelton.serving_graph.clock import ManualClock
from pelton.serving_graph.run import Executor

FAULTS: list[Exception | None] = []
CALLS: list[int] = []


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    FAULTS.clear()
    CALLS.clear()
    yield


def fetch(n: int) -> int:
    CALLS.append(n)
    fault = FAULTS.pop(0) if FAULTS else None
    if fault is not None:
        raise fault
    return 2 * n


async def later_fetch(n: int) -> int:
    await asyncio.sleep(0)
    return fetch(n)


async def later(n: int) -> int:
    await asyncio.sleep(0)
    return n


def ends(run: Executor, value: Any, clock: ManualClock, context: Context | None = None) -> Any:
    """What the executor comes to; an async one's clock is moved by an hour."""
    if not run.is_async:
        return run(value, context)

    async def main() -> Any:
        task = asyncio.ensure_future(run(value, context))
        await clock.advance(3600)
        return await task

    return asyncio.run(main())


both = pytest.mark.parametrize("one", [fetch, later_fetch])


@both
def test_it_is_tried_until_it_answers(one: Any) -> None:
    clock = ManualClock()
    graph = Graph("g", int) >> steps.retry(one, backoff=1, jitter=0)
    assert graph.output_type is int
    FAULTS[:] = [ConnectionError("1"), TimeoutError("2")]
    assert ends(graph.compile(clock=clock), 4, clock) == 8
    assert (CALLS, [each for each in clock.slept if each < 3600]) == ([4, 4, 4], [1, 2])
    rebuilt = Graph.from_spec(graph.spec.to_dict())
    assert rebuilt.spec == graph.spec


@both
def test_the_last_error_says_how_many_attempts(one: Any) -> None:
    clock = ManualClock()
    run = (Graph("g", int) >> steps.retry(one, attempts=2, name="again")).compile(clock=clock)
    FAULTS[:] = [ConnectionError("first"), ConnectionError("second")]
    with pytest.raises(ConnectionError, match="second") as caught:
        ends(run, 4, clock)
    assert caught.value.attempts == 2  # type: ignore[attr-defined]
    assert caught.value.__notes__ == [f"in step g/again/{one.__name__}", "after 2 attempts"]


@both
@pytest.mark.parametrize("fault", [Reject("bad"), InvalidInput([]), KeyError("not named")])
def test_what_another_try_does_not_mend_is_raised_at_once(one: Any, fault: Exception) -> None:
    clock = ManualClock()
    on = (
        (ConnectionError, Exception)
        if isinstance(fault, (Reject, InvalidInput))
        else ConnectionError
    )
    run = (Graph("g", int) >> steps.retry(one, on=on)).compile(clock=clock)
    FAULTS[:] = [fault]
    with pytest.raises(type(fault)):
        ends(run, 4, clock)
    assert CALLS == [4]


@both
def test_no_pause_ends_after_the_deadline(one: Any) -> None:
    clock = ManualClock()
    run = (Graph("g", int) >> steps.retry(one, backoff=2, jitter=0)).compile(clock=clock)
    FAULTS[:] = [ConnectionError("1"), ConnectionError("2")]
    with pytest.raises(ConnectionError, match="2") as caught:
        ends(run, 4, clock, Context(deadline=6.0, clock=clock.now))
    assert CALLS == [4, 4]
    assert caught.value.__notes__[-1] == "after 2 attempts, with no time for another of 3"


def test_the_pause_is_at_least_what_the_error_asks_for() -> None:
    clock = ManualClock()
    run = (Graph("g", int) >> steps.retry(fetch, backoff=1, jitter=0)).compile(clock=clock)
    FAULTS[:] = [Overloaded("full", after=7), NotReady("resting", after=0.5)]
    assert run(4) == 8
    assert clock.slept == [7, 2]


def test_a_plain_step_does_not_hold_the_loop_of_those_that_wait() -> None:
    """Its pauses are the loop's: another event goes through meanwhile."""

    async def main() -> list[int]:
        clock = ManualClock()
        run = (Graph("g", int) >> later >> steps.retry(fetch, backoff=60)).compile(clock=clock)
        FAULTS[:] = [ConnectionError("1")]
        slow = asyncio.ensure_future(run(1))
        await clock.settle()
        quick = await run(2)
        assert not slow.done()
        await clock.advance(60)
        return [await slow, quick]

    assert asyncio.run(main()) == [2, 4]


@given(
    attempts=st.integers(1, 6),
    failing=st.integers(0, 8),
    backoff=st.floats(0, 10),
    factor=st.floats(1, 4),
    most=st.floats(0, 20),
    jitter=st.floats(0, 1),
    deadline=st.one_of(st.none(), st.floats(0, 60)),
    waits=st.booleans(),
)
def test_never_more_attempts_and_never_past_the_deadline(
    attempts: int,
    failing: int,
    backoff: float,
    factor: float,
    most: float,
    jitter: float,
    deadline: float | None,
    waits: bool,
) -> None:
    CALLS.clear()
    FAULTS[:] = [ConnectionError(str(n)) for n in range(failing)]
    clock = ManualClock()
    one: Callable[..., Any] = later_fetch if waits else fetch
    step = steps.retry(
        one, attempts=attempts, backoff=backoff, factor=factor, max_backoff=most, jitter=jitter
    )
    run = (Graph("g", int) >> step).compile(clock=clock)
    try:
        assert ends(run, 1, clock, Context(deadline=deadline, clock=clock.now)) == 2
    except ConnectionError as error:
        assert error.attempts == len(CALLS)  # type: ignore[attr-defined]
        assert str(error) == str(len(CALLS) - 1)
        if deadline is None:
            assert len(CALLS) == attempts
    else:
        assert len(CALLS) == failing + 1
    assert len(CALLS) <= attempts
    slept = clock.slept
    assert sum(slept) <= (deadline if deadline is not None else float("inf"))
    assert all(pause <= min(backoff * factor**n, most) + 1e-9 for n, pause in enumerate(slept))
    assert all(pause >= min(backoff, most) * (1 - jitter) - 1e-9 for pause in slept)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"attempts": 0}, "attempts=0 is not a number from 1 on"),
        ({"attempts": 1.5}, "attempts=1.5 is not a whole number"),
        ({"backoff": -1}, "backoff=-1 is not a number from 0 on"),
        ({"backoff": float("nan")}, "backoff=nan is not a number"),
        ({"factor": 0.5}, "factor=0.5 is not a number from 1 on"),
        ({"jitter": 2}, "jitter=2 is not a number from 0 to 1"),
        ({"on": ()}, "is for no error"),
        ({"on": "ConnectionError"}, "'ConnectionError' is not a class of errors"),
        ({"on": Reject}, "Reject says that the event is bad"),
    ],
)
def test_what_cannot_work_is_refused_at_build(options: dict[str, Any], said: str) -> None:
    with pytest.raises(GraphError, match=said) as wrong:
        steps.retry(fetch, **options)
    assert wrong.value.file == __file__
