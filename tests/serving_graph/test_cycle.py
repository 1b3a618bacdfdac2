"""Cycles: until a predicate holds, at most so often, and not past the event's time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pelton import Context, CycleLimit, DeadlineExceeded, Graph, step, steps
from pelton.handlers.errors import GraphError


def halve(n: int) -> int:
    return n // 2


async def later_halve(n: int) -> int:
    await asyncio.sleep(0)
    return n // 2


def odd(n: int) -> bool:
    return n % 2 == 1


async def later_odd(n: int) -> bool:
    await asyncio.sleep(0)
    return n % 2 == 1


def plus(n: int) -> int:
    return n + 2


def say(n: int) -> str:
    return str(n)


def agent(state: dict[str, Any]) -> dict[str, Any]:
    said = [*state["said"], len(state["said"])]
    return {"said": said, "done": len(said) == 3}


loose: Any = steps  # what no checker lets through is refused at build, too
CYCLES = [
    steps.cycle(halve, until=odd, limit=8),
    steps.cycle(later_halve, until=odd, limit=8),
    steps.cycle(halve, until=later_odd, limit=8),
]


@pytest.mark.parametrize("cycle", CYCLES)
def test_it_turns_until_the_predicate_holds(cycle: Any) -> None:
    graph = Graph("g", int) >> cycle
    assert [asyncio.run(graph.acall(n)) for n in (24, 3, 64)] == [3, 1, 1]
    again = Graph.from_spec(graph.spec.to_dict())
    assert again.spec == graph.spec and asyncio.run(again.acall(24)) == 3


@pytest.mark.parametrize("cycle", CYCLES)
def test_after_its_last_turn_it_is_an_error_that_says_where(cycle: Any) -> None:
    graph = Graph("g", int) >> cycle
    with pytest.raises(CycleLimit, match="the cycle g/cycle was not done after 8 turns") as caught:
        asyncio.run(graph.acall(1 << 20))
    assert caught.value.step == "g/cycle"  # type: ignore[attr-defined]


def test_a_field_can_say_that_it_is_done() -> None:
    graph = Graph("g", dict[str, Any]) >> steps.cycle(agent, until="done", limit=5)
    assert graph({"said": []})["said"] == [0, 1, 2]


@pytest.mark.parametrize("turn", [plus, later_halve])
def test_the_deadline_is_looked_at_each_turn(turn: Any) -> None:
    times = iter([0.0, 1.0, 2.0, 3.0])
    context = Context(deadline=2.5, clock=lambda: next(times))
    graph = Graph("g", int) >> steps.cycle(turn, until=odd, limit=1000)
    with pytest.raises(DeadlineExceeded, match="over in g/cycle, after 3 turns"):
        asyncio.run(graph.acall(0, context))


def test_what_cannot_work_is_refused_at_build() -> None:
    with pytest.raises(GraphError, match="cycle 'cycle' has no limit; say after how many"):
        loose.cycle(halve, until=odd)
    with pytest.raises(GraphError, match="limit=0 is no turn"):
        steps.cycle(halve, until=odd, limit=0)
    with pytest.raises(GraphError, match="'say' gives str but its first, 'halve', takes int"):
        loose.cycle(step(halve) >> say, until=odd, limit=3)
    with pytest.raises(GraphError, match="until=halve gives int"):
        loose.cycle(halve, until=halve, limit=3)


def test_a_graph_turns_inside_others() -> None:
    inner = Graph("inner", int) >> halve
    graph = Graph("g", list[int]) >> steps.map(steps.cycle(inner, until=odd, limit=4))
    assert graph([24, 6]) == [3, 3]
    with pytest.raises(CycleLimit) as caught:
        graph([2, 1 << 9])
    assert caught.value.step == "g/map/cycle"  # type: ignore[attr-defined]
    assert caught.value.__notes__[-1] == "item 1 of the list"
