"""A second try beside a slow first one: who wins, who is given up, whose error is raised."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pelton import Context, DeadlineExceeded, Graph, steps
from pelton.handlers.errors import GraphError
from pelton.serving_graph.clock import ManualClock

CLOCK = [ManualClock()]
TIMES: list[float] = []  # what each try takes, in order; below 0: it fails then
HEARD: list[str] = []


@pytest.fixture(autouse=True)
def clock() -> Iterator[ManualClock]:
    CLOCK[0] = ManualClock()
    TIMES.clear()
    HEARD.clear()
    yield CLOCK[0]


async def ask(n: int, context: Context) -> str:
    mine = len(HEARD)
    HEARD.append("begun")
    seconds = TIMES[mine]
    try:
        await CLOCK[0].wait(abs(seconds))
    except asyncio.CancelledError:
        HEARD[mine] = "given up" if context.cancelled else "cancelled"
        raise
    HEARD[mine] = "over"
    if seconds < 0:
        raise LookupError(f"try {mine}")
    return f"try {mine}"


def outcome(*times: float, context: Context | None = None) -> Any:
    TIMES[:] = times
    graph = Graph("g", int) >> steps.hedge(ask, after=2, name="quick")
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec

    async def main() -> Any:
        task = asyncio.ensure_future(graph.compile(clock=CLOCK[0])(1, context))
        await CLOCK[0].advance(100)
        left = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        assert left == [] or left == [task]
        return await task

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("times", "answer", "heard"),
    [
        ((1,), "try 0", ["over"]),
        ((5, 1), "try 1", ["given up", "over"]),
        ((5, 9), "try 0", ["over", "given up"]),
        ((-5, 9), "try 1", ["over", "over"]),
        ((9, -1), "try 0", ["over", "over"]),
    ],
)
def test_the_first_answer_wins(times: Any, answer: str, heard: list[str]) -> None:
    assert outcome(*times) == answer
    assert heard == HEARD


@pytest.mark.parametrize(("times", "said"), [((-1,), 0), ((-9, -1), 1), ((-4, -9), 0)])
def test_when_all_fail_the_first_error_is_raised(times: Any, said: int) -> None:
    with pytest.raises(LookupError, match=f"try {said}") as caught:
        outcome(*times)
    assert caught.value.step == "g/quick/ask"  # type: ignore[attr-defined]


def test_no_try_outlasts_the_event() -> None:
    with pytest.raises(DeadlineExceeded, match="within step g/quick"):
        outcome(50, 50, context=Context(deadline=20.0, clock=CLOCK[0].now))
    assert HEARD == ["given up", "given up"]
    HEARD.clear()
    with pytest.raises(DeadlineExceeded):
        outcome(50, context=Context(deadline=21.0, clock=CLOCK[0].now))


def test_a_caller_that_is_cancelled_cancels_both() -> None:
    TIMES[:] = [50, 50]

    async def main() -> None:
        run = (Graph("g", int) >> steps.hedge(ask, after=2)).compile(clock=CLOCK[0])
        task = asyncio.ensure_future(run(1))
        await CLOCK[0].advance(10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert HEARD == ["given up", "given up"]


def test_plain_steps_are_tried_in_threads() -> None:
    """The first waits for the second, which so must have been begun beside it."""
    second, told = threading.Event(), list[bool]()
    over = threading.Event()

    def work(n: int, context: Context) -> str:
        if not HEARD:
            HEARD.append("first")
            CLOCK[0].sleep(2)
            second.wait()
            told.append(context.cancelled)
            over.set()
            return "first"
        return "second"

    try:
        run = (Graph("g", int) >> steps.hedge(work, after=2)).compile(clock=CLOCK[0])
        assert run(1) == "second"
    finally:
        second.set()
    assert over.wait(10)
    assert told == [True]


def test_what_cannot_work_is_refused_at_build() -> None:
    with pytest.raises(GraphError, match="after=-1 is not a number from 0 on"):
        steps.hedge(ask, after=-1)
    with pytest.raises(GraphError, match="threads=1 is not a number from 2 on"):
        steps.hedge(ask, after=1, threads=1)
