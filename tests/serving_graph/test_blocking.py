"""Plain steps that block, in async graphs: in threads when told, said in the log when not."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from pelton import Context, Graph, parallel, router, step, steps
from pelton.handlers.errors import GraphError
from pelton.serving_graph.clock import ManualClock
from pelton.testing import make_context


class Blocks:
    """Lets go when all that it waits for are there; on a loop, that is never."""

    def load(self) -> None:
        self.barrier = threading.Barrier(3)

    def __call__(self, n: int) -> int:
        self.barrier.wait(20)
        return n + 1


async def later(n: int) -> int:
    await asyncio.sleep(0)
    return n


def where(n: int) -> str:
    return threading.current_thread().name


def named(n: int, context: Context) -> str:
    return f"{context.request_id} {threading.current_thread().name}"


def fail(n: int) -> int:
    raise LookupError(n)


def always(n: int) -> bool:
    return True


def test_steps_in_threads_leave_the_loop_to_others() -> None:
    async def main() -> list[int]:
        run = (Graph("g", int) >> later >> step(Blocks, thread=True)).compile()
        try:
            return list(await asyncio.gather(*(run(n) for n in range(3))))
        finally:
            run.stop()

    assert asyncio.run(main()) == [1, 2, 3]


def test_where_no_step_waits_there_is_no_thread() -> None:
    graph = Graph("g", int) >> step(where, thread=True)
    assert not graph.is_async and graph(1) == threading.current_thread().name
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec


@pytest.mark.parametrize(
    "inner",
    [
        step(named, thread=True),
        router(always, {True: step(named, thread=True), False: where}),
        Graph("in", int) >> step(named, thread=True),
        steps.choice(steps.when(always, step(named, thread=True)), otherwise=where),
    ],
)
def test_a_step_deep_inside_is_in_a_thread_too_and_has_the_context(inner: Any) -> None:
    run = (Graph("g", int) >> later >> inner).compile()
    answer = asyncio.run(run(1, Context(request_id="7")))
    assert answer.startswith("7 pelton-g/")
    run.stop()


def test_functions_of_options_may_be_in_threads() -> None:
    run = (Graph("g", int) >> later >> steps.filter(step(always, thread=True))).compile()
    assert asyncio.run(run(1)) == 1
    run.stop()


def test_an_error_in_a_thread_says_its_step() -> None:
    run = (Graph("g", int) >> later >> step(fail, thread=True)).compile()
    with pytest.raises(LookupError) as caught:
        asyncio.run(run(1))
    assert caught.value.step == "g/fail"  # type: ignore[attr-defined]
    run.stop()


def test_what_waits_by_itself_needs_no_thread() -> None:
    with pytest.raises(GraphError, match="thread=True is for one that blocks"):
        step(later, thread=True)


clock = ManualClock()


def slow(n: int) -> int:
    clock.sleep(0.25)
    return n


def slow_with(n: int, context: Context) -> int:
    clock.sleep(0.25)
    return n


def quick(n: int) -> int:
    clock.sleep(0.05)
    return n


@pytest.mark.parametrize("holds", [slow, slow_with])
def test_who_holds_the_loop_is_said_once(holds: Any) -> None:
    lines: list[str] = []
    run = (Graph("g", int) >> later >> quick >> holds).compile(clock=clock)
    context = make_context(lines=lines)
    run.load(context)
    for n in (1, 2):
        assert asyncio.run(run(n, context)) == n
    assert len(lines) == 1
    assert f'"step": "g/{holds.__name__}", "seconds": 0.25' in lines[0]


def test_without_a_logger_the_program_s_own_says_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        run = (Graph("g", int) >> parallel(a=later, b=slow)).compile(clock=clock)
        asyncio.run(run(1))
    assert "step=g/parallel/b/slow, seconds=0.25" in caplog.text
