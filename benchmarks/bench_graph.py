"""A graph of plain steps against the same plain calls: three steps, watched and not; what one step
more costs; and whether a million events leave anything behind."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from pelton import Graph, step
from pelton.handlers.metrics import Metrics
from pelton.serving_graph.watch import StepWatch

from .row import Row

ROUNDS, CALLS, EVENTS, LONG = 60, 2000, 1_000_000, 48


def first(value: int) -> int:
    return value + 1


def second(value: int) -> int:
    return value * 2


def third(value: int) -> int:
    return value - 3


def plain(calls: int) -> None:
    for value in range(calls):
        third(second(first(value)))


def timed(calls: int) -> None:
    """The same, each call timed by hand and the times kept for a while."""
    times: list[float] = []
    for value in range(calls):
        began = perf_counter()
        one = first(value)
        then = perf_counter()
        two = second(one)
        later = perf_counter()
        third(two)
        times.extend((began, then, later, perf_counter()))
        if len(times) >= 512:
            times.clear()


def calling(run: Callable[[int], Any]) -> Callable[[int], None]:
    def calls(count: int) -> None:
        for value in range(count):
            run(value)

    return calls


def in_turns(*ways: Callable[[int], None]) -> list[float]:
    """Microseconds a call of each, the best of many short rounds taken in turns."""
    best = [float("inf")] * len(ways)
    for _ in range(ROUNDS):
        for place, way in enumerate(ways):
            start = perf_counter()
            way(CALLS)
            best[place] = min(best[place], (perf_counter() - start) / CALLS * 1e6)
    return best


def chain(length: int) -> Graph[Any, Any]:
    graph: Graph[Any, Any] = Graph("chain", int)
    for place in range(length):
        graph = graph >> step(first, name=f"step{place}")
    graph.load()
    return graph


def measure() -> list[Row]:
    """Microseconds a call."""
    graph = Graph("three", int) >> first >> second >> third
    graph.load()
    watched = graph.compile(watch=StepWatch(Metrics()))
    floor, by_hand, bare, seen = in_turns(plain, timed, calling(graph), calling(watched))
    return [
        _over("three-step graph, over 1.3 times three plain calls", floor, bare),
        _over("watched three-step graph, over 1.3 times calls timed by hand", by_hand, seen),
        _length(),
        _memory(watched),
    ]


def _over(what: str, floor: float, ours: float) -> Row:
    excess = ours - 1.3 * floor
    return Row(what, floor, ours, "µs", value=excess, bound=1.0, says="µs over")


def _length() -> Row:
    """What a step costs in a short graph, and in a long one."""
    none, short, long = in_turns(*(calling(chain(count)) for count in (1, 3, LONG)))
    few, many = (short - none) / 2, (long - none) / (LONG - 1)
    what = f"a step more in a graph of {LONG}, over one more in a graph of 3"
    return Row(what, few, many, "µs", value=many / few, bound=1.5)


def _memory(run: Callable[[int], Any]) -> Row:
    """Resident memory after a hundredth of the events and after all of them."""
    calls = calling(run)
    calls(EVENTS // 100)
    before = _resident()
    calls(EVENTS)
    after = _resident()
    what = "memory after a million events of the watched graph, its growth"
    return Row(what, before, after, "MB", value=after - before, bound=1.0, says="MB more")


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    print(*(row.line() for row in measure()), sep="\n")
