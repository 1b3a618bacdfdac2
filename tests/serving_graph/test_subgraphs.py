"""Graphs inside the steps that hold others: they work, say their paths, and share nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pelton import Graph, parallel, router, step, steps
from pelton.serving_graph.kit.base import Step
from pelton.testing import make_context

made: list[Any] = []
seen: list[Any] = []


class Counter:
    """Counts its own calls, from a start; fails for a negative number."""

    def __init__(self, start: int = 0) -> None:
        self.calls = start
        made.append(self)

    def __call__(self, n: int) -> int:
        if n < 0:
            raise LookupError(n)
        self.calls += 1
        return n + 1

    def close(self) -> None:
        seen.append(self)


class Waits(Counter):
    async def __call__(self, n: int) -> int:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().__call__(n)


def many(n: int) -> bool:
    return n >= 3


def always(n: int) -> bool:
    return True


def each(n: int) -> list[int]:
    return [n]


def inner(kind: Any) -> Graph[int, int]:
    return Graph("inner", int) >> step(kind, name="one") >> step(kind, name="two")


def held(kind: Any) -> list[tuple[Step[Any, Any], Any, Any, str]]:
    """(a step that holds the graph, its input, its answer, the path of the graph in it)"""
    graph, bad = inner(kind), router(always, {True: inner(kind), False: Counter})
    loose: Any = steps
    return [
        (loose.map(graph), [0, 1], [2, 3], "map/inner"),
        (loose.flat_map(graph >> each), [0, 1], [2, 3], "flat_map/inner"),
        (steps.choice(steps.when(always, graph), otherwise=Counter), 0, 2, "choice/always/inner"),
        (loose.cycle(graph, until=many, limit=3), 0, 4, "cycle/inner"),
        (loose.cache(graph), 0, 2, "cache/inner"),
        (loose.tap(graph), 0, 0, "tap/inner"),
        (steps.respond(always, then=graph), 0, True, "respond/then/inner"),
        (parallel(a=graph), 0, {"a": 2}, "parallel/a/inner"),
        (bad, 0, 2, "router/True/inner"),
    ]


CASES = [
    pytest.param(kind, place, id=f"{kind.__name__}-{held(kind)[place][3]}")
    for kind in (Counter, Waits)
    for place in range(len(held(Counter)))
]


def run(executor: Any, value: Any) -> Any:
    answer = executor(value)
    return asyncio.run(answer) if executor.is_async else answer


@pytest.mark.parametrize(("kind", "place"), CASES)
def test_a_graph_works_inside(kind: Any, place: int) -> None:
    holder, value, answer, _ = held(kind)[place]
    graph: Graph[Any, Any] = Graph("g") >> holder
    executor = graph.compile()
    assert run(executor, value) == answer
    assert executor.settle()
    executor.stop()
    again = Graph.from_spec(graph.spec.to_dict())
    assert again.spec == graph.spec


@pytest.mark.parametrize(("kind", "place"), CASES)
def test_its_errors_say_the_whole_path(kind: Any, place: int) -> None:
    holder, value, _, path = held(kind)[place]
    executor = (Graph("g") >> holder).compile()
    if holder.spec.kind in ("tap", "respond"):
        lines: list[str] = []
        executor(-5, make_context(lines=lines))
        assert executor.settle() and f'"step": "g/{path}/one"' in lines[0]
        executor.stop()
        return
    with pytest.raises(LookupError) as caught:
        run(executor, [-5] if isinstance(value, list) else -5)
    assert caught.value.step == f"g/{path}/one"  # type: ignore[attr-defined]
    executor.stop()


@pytest.mark.parametrize(("kind", "place"), CASES)
def test_two_executors_share_nothing(kind: Any, place: int) -> None:
    holder, value, _, _ = held(kind)[place]
    graph: Graph[Any, Any] = Graph("g") >> holder
    made.clear()
    first, second = graph.compile(), graph.compile()
    first.load()
    second.load()
    half = len(made) // 2
    assert half and len(set(map(id, made))) == 2 * half
    run(first, value)
    assert first.settle()
    assert sum(each.calls for each in made[:half]) > 0
    assert sum(each.calls for each in made[half:]) == 0
    seen.clear()
    first.stop()
    assert set(map(id, seen)) == set(map(id, made[:half]))
    second.stop()
