"""The step watch: every call is counted once, by how it ended, at its path; memory is bounded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import Graph, Metrics, parallel, step, steps
from pelton.serving_graph.watch import PENDING, StepWatch


def half(n: float) -> float:
    return n / 2


async def later_half(n: float) -> float:
    await asyncio.sleep(0)
    return n / 2


def picky(n: float) -> float:
    if n < 0:
        raise LookupError(n)
    return n


def positive(n: float) -> bool:
    return n != 0


async def never(n: float) -> float:
    await asyncio.Event().wait()
    return n


def same(given: Any) -> Any:
    return given


def counting() -> Callable[[], float]:
    """A clock that counts how often it was read."""
    reads = iter(range(10**9))
    return lambda: float(next(reads))


def counts(metrics: Metrics) -> dict[str, float]:
    """ "name step [type]": the number, for all that is not nothing."""
    found = {}
    for family, labels, each in metrics:
        told = dict(labels)
        words = [family.name.removeprefix("pelton_"), told.get("step", told["graph"])]
        number = each.count if family.kind == "histogram" else each.value
        if number:
            found[" ".join([*words, *filter(None, [told.get("type")])])] = number
    return found


ENDS = st.sampled_from([-1.0, 0.0, 1.0])


@given(st.lists(ENDS, max_size=PENDING * 2), st.booleans())
def test_every_call_is_counted_by_how_it_ended(values: list[float], waits: bool) -> None:
    metrics = Metrics()
    first: Any = later_half if waits else half
    graph = Graph("g", float) >> first >> steps.filter(positive) >> picky
    run = graph.compile(watch=StepWatch(metrics))

    async def all_of_them() -> None:
        for value in values:
            try:
                answer = run(value)
                _ = await answer if graph.is_async else answer
            except LookupError:
                assert value < 0

    asyncio.run(all_of_them())
    total, dropped, failed = len(values), values.count(0.0), values.count(-1.0)
    wanted = {
        "graph_seconds g": total,
        f"step_seconds g/{first.__name__}": total,
        "step_seconds g/positive": total,
        "step_seconds g/picky": total - dropped,
        "step_drops_total g/positive": dropped,
        "step_errors_total g/picky LookupError": failed,
    }
    assert counts(metrics) == {name: number for name, number in wanted.items() if number}


def test_times_are_those_of_each_step_also_of_one_that_fails() -> None:
    metrics = Metrics()
    run = (Graph("g", float) >> half >> picky).compile(watch=StepWatch(metrics, now=counting()))
    run(1)
    with pytest.raises(LookupError):
        run(-1)
    sums = {labels: each.sum for family, labels, each in metrics if family.kind == "histogram"}
    assert sums == {
        (("graph", "g"), ("step", "g/half")): 2.0,
        (("graph", "g"), ("step", "g/picky")): 2.0,
        (("graph", "g"),): 4.0,
    }


def test_steps_inside_others_have_their_own_numbers() -> None:
    metrics = Metrics()
    graph = Graph("g", float) >> parallel(a=half, b=step(half, name="c") >> picky)
    graph.compile(watch=StepWatch(metrics))(4.0)
    assert set(counts(metrics)) == {
        "graph_seconds g",
        "step_seconds g/parallel",
        "step_seconds g/parallel/a/half",
        "step_seconds g/parallel/b/c",
        "step_seconds g/parallel/b/picky",
    }


def test_a_cancelled_call_is_no_error() -> None:
    metrics = Metrics()
    graph = Graph("g", float).to(never).to(half, after="input").to(same, after=["never", "half"])
    run = graph.compile(watch=StepWatch(metrics))

    async def main() -> None:
        task = asyncio.ensure_future(run(1.0))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert counts(metrics) == {
        "graph_seconds g": 1,
        "step_seconds g/never": 1,
        "step_seconds g/half": 1,
        "step_cancelled_total g/never": 1,
    }


def test_threads_lose_no_call() -> None:
    metrics = Metrics()
    run = (Graph("g", float) >> half).compile(watch=StepWatch(metrics))
    run(1.0)

    def work() -> None:
        for _ in range(1000):
            run(1.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads):
        metrics.families()  # somebody reads all the time
    assert counts(metrics)["step_seconds g/half"] == 4001


def test_what_waits_to_be_folded_is_bounded() -> None:
    watch = StepWatch(Metrics())
    run = (Graph("g", float) >> half >> picky).compile(watch=watch)
    track = watch.track("g", ["half", "picky"])
    longest = 0
    for _ in range(PENDING * 5):
        run(1.0)
        longest = max(longest, len(track._pending))
    assert longest <= PENDING * 3


def test_a_step_s_own_gauges_and_counters() -> None:
    metrics = Metrics()
    watch = StepWatch(metrics)
    waiting = [1, 2]
    watch.gauge("g/queue", "queue_depth", lambda: len(waiting))
    tried = watch.counter("g/retry", "retries")
    tried(2)
    assert counts(metrics) == {"step_queue_depth g/queue": 2, "step_retries_total g/retry": 2}


def test_a_graph_that_is_loaded_again_goes_on_counting() -> None:
    metrics = Metrics()
    run = (Graph("g", float) >> half).compile(watch=StepWatch(metrics))
    run(1.0)
    run.stop()
    run(1.0)
    assert counts(metrics)["step_seconds g/half"] == 2
