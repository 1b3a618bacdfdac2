"""What a watch is told of the steps, and the clocks that what waits asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from pelton import Graph, parallel, steps
from pelton.serving_graph.clock import ManualClock
from pelton.serving_graph.digest import digest


def half(n: float) -> float:
    return n / 2


async def later_half(n: float) -> float:
    await asyncio.sleep(0)
    return n / 2


def same(given: dict[str, Any]) -> dict[str, Any]:
    return given


def huge(n: float) -> bool:
    return n > 100


def fail(n: float) -> float:
    raise LookupError(n)


class Told:
    """A watch that keeps all it is told; its clock counts."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.time = 0.0

    def track(self, path: str, steps: Sequence[str]) -> _Track:
        return _Track(self, path, steps)

    def gauge(self, path: str, name: str, read: Callable[[], float]) -> None:
        self.heard.append((path, name, read()))

    def counter(self, path: str, name: str) -> Callable[[float], object]:
        return lambda more: self.heard.append((path, name, more))


class _Track:
    def __init__(self, told: Told, path: str, steps: Sequence[str]) -> None:
        self.told, self.path, self.steps = told, path, steps

    def now(self) -> float:
        self.told.time += 1
        return self.told.time

    def seen(self, times: tuple[float, ...]) -> None:
        seconds = [after - before for before, after in pairwise(times)]
        self.told.heard.append((self.path, dict(zip(self.steps, seconds, strict=True))))

    def one(self, place: int, seconds: float, error: BaseException | None = None) -> None:
        self.told.heard.append((self.path, {self.steps[place]: seconds}))

    def whole(self, seconds: float) -> None:
        self.told.heard.append((self.path, {"": seconds}))

    def failed(self, place: int, error: BaseException, times: tuple[float, ...]) -> None:
        self.told.heard.append((self.path, self.steps[place], type(error).__name__, times))


@pytest.mark.parametrize("one", [half, later_half])
def test_a_watch_hears_when_each_step_ran(one: Any) -> None:
    told = Told()
    run = (Graph("g", float) >> one >> parallel(a=half, b=half)).compile(watch=told)
    answer = run(8.0)
    assert (asyncio.run(answer) if run.is_async else answer) == {"a": 2.0, "b": 2.0}
    names = sorted((path, name) for path, times in told.heard for name in times)
    assert names == [
        ("g", one.__name__),
        ("g", "parallel"),
        ("g/parallel/a", "half"),
        ("g/parallel/b", "half"),
    ]


def test_a_watch_hears_which_step_failed() -> None:
    told = Told()
    run = (Graph("g", float) >> half >> fail).compile(watch=told)
    with pytest.raises(LookupError) as caught:
        run(8.0)
    assert told.heard == [("g", "fail", "LookupError", (1.0, 2.0))]
    assert caught.value.input_digest == digest(4.0)  # type: ignore[attr-defined]


def test_a_watch_hears_of_what_went_no_further() -> None:
    told = Told()
    run = (Graph("g", float) >> half >> steps.filter(huge)).compile(watch=told)
    assert run(8.0) is None
    assert told.heard == [("g", "huge", "Drop", (1.0, 2.0))]


def test_a_watched_flow_counts_each_step() -> None:
    told = Told()
    graph = Graph("g", float).to(later_half).to(half, after="input")
    run = graph.to(same, after=["later_half", "half"]).compile(watch=told)
    assert asyncio.run(run(8.0)) == {"later_half": 4.0, "half": 4.0}
    assert sorted(name for _, times in told.heard for name in times) == [
        "",
        "half",
        "later_half",
        "same",
    ]


def test_a_manual_clock_wakes_what_is_due_in_order() -> None:
    async def main() -> list[str]:
        clock, woken = ManualClock(), list[str]()

        async def nap(name: str, *seconds: float) -> None:
            for each in seconds:
                await clock.wait(each)
                woken.append(f"{name} at {clock.now():.0f}")

        naps = [asyncio.ensure_future(nap("a", 10, 10)), asyncio.ensure_future(nap("b", 15))]
        await clock.advance(3600)
        await asyncio.gather(*naps)
        return woken

    assert asyncio.run(main()) == ["a at 10", "b at 15", "a at 20"]
