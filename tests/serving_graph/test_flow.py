"""Graphs that are no line: `.to(after=…)`, what is refused there, and that both forms agree."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pelton import Graph, step
from pelton.handlers.errors import GraphError


def words(text: str) -> list[str]:
    return text.split()


def count(given: list[str]) -> int:
    return len(given)


async def later_count(given: list[str]) -> int:
    await asyncio.sleep(0)
    return len(given)


def first(given: list[str]) -> str:
    return given[0]


def told(given: dict[str, Any]) -> str:
    return f"{given['count']} from {given['first']}"


def same(given: dict[str, Any]) -> dict[str, Any]:
    return given


def fail(given: list[str]) -> int:
    raise LookupError(given)


def made(counting: Any) -> Graph[str, Any]:
    graph = Graph("flow", str).to(words)
    graph = graph.to(counting, name="count").to(first, after="words")
    return graph.to(told, after=["count", "first"])


@pytest.mark.parametrize("counting", [count, later_count])
def test_a_step_takes_the_values_of_the_steps_named(counting: Any) -> None:
    graph = made(counting)
    assert asyncio.run(graph.acall("two words")) == "2 from two"
    again = Graph.from_spec(graph.spec.to_dict())
    assert again.spec == graph.spec
    assert asyncio.run(again.acall("a b c")) == "3 from a"


def test_the_input_has_a_name() -> None:
    graph = Graph("flow", str).to(len).to(str.upper, after="input", name="upper")
    both = graph.to(same, after=["len", "upper"])
    assert both("ab") == {"len": 2, "upper": "AB"}


def test_side_by_side_steps_wait_together() -> None:
    met: list[str] = []

    async def meet(text: str, mine: str, other: str) -> str:
        met.append(mine)
        while other not in met:
            await asyncio.sleep(0)
        return mine

    graph = Graph("flow", str).to(step(meet, name="a", mine="a", other="b"))
    graph = graph.to(step(meet, name="b", mine="b", other="a"), after="input")
    graph = graph.to(same, after=["a", "b"])
    assert asyncio.run(asyncio.wait_for(graph.acall("x"), 5)) == {"a": "a", "b": "b"}


@pytest.mark.parametrize("counting", [count, later_count])
def test_the_first_error_ends_the_flow_and_names_its_step(counting: Any) -> None:
    graph = Graph("flow", str).to(words).to(counting, name="count")
    graph = graph.to(fail, after="words").to(same, after=["count", "fail"])
    with pytest.raises(LookupError) as caught:
        asyncio.run(graph.acall("a b"))
    assert caught.value.__notes__ == ["in step flow/fail"]
    assert caught.value.step == "flow/fail"  # type: ignore[attr-defined]


def test_a_name_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(GraphError, match=r"comes after 'wrods', .*did you mean 'words'\?") as error:
        Graph("flow", str).to(words).to(count, after="wrods")
    assert error.value.file == __file__


def test_types_are_joined_by_name() -> None:
    with pytest.raises(GraphError, match=r"step 'words' gives list\[str\] but step 'told' takes"):
        Graph("flow", str).to(words).to(first).to(told, after="words")

    def wants(given: dict[str, str]) -> str:
        return str(given)

    with pytest.raises(GraphError, match=r"the steps 'count' and 'first' give \{count: int, first"):
        Graph("flow", str).to(words).to(count).to(first, after="words").to(
            wants, after=["count", "first"]
        )


def test_a_value_that_nobody_takes_is_refused_before_anything_runs() -> None:
    graph = Graph("flow", str).to(words).to(count).to(first, after="words")
    with pytest.raises(GraphError, match="no step takes the value of step 'count'"):
        graph.check()
    with pytest.raises(GraphError, match="no step takes the value of step 'count'"):
        graph("not served, only called")
    assert "words (after input)" not in repr(graph) and "first (after words)" in repr(graph)


def test_a_first_step_that_takes_anything_narrows_no_other() -> None:
    def anything(value: object) -> int:
        return hash(value) * 0

    graph = Graph("flow", str).to(anything).to(str.upper, after="input", name="upper")
    graph = graph.to(same, after=["anything", "upper"])
    graph.check()
    outer = Graph("outer", str) >> graph
    assert outer("ab") == {"anything": 0, "upper": "AB"}
