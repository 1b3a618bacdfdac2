"""Steps over lists and events that end early, plain and async alike."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import Graph, parallel, step, steps
from pelton.handlers.errors import GraphError
from pelton.serving_graph.kit.base import Step


def small(n: int) -> bool:
    return n < 10


async def later_small(n: int) -> bool:
    await asyncio.sleep(0)
    return n < 10


def double(n: int) -> int:
    return 2 * n


def inverse(n: int) -> float:
    return 1 / n


async def later_inverse(n: int) -> float:
    await asyncio.sleep(0)
    return 1 / n


loose: Any = steps  # what no checker lets through is refused at build, too


@pytest.mark.parametrize("test", [small, later_small])
def test_an_event_that_goes_no_further_answers_none(test: Any) -> None:
    graph = Graph("g", int) >> steps.filter(test) >> double
    assert graph.output_type == int | None
    assert [asyncio.run(graph.acall(n)) for n in (4, 40)] == [8, None]
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    assert [asyncio.run(graph.compile()(n) if graph.is_async else graph.acall(n)) for n in (40,)]


@pytest.mark.parametrize("test", [small, later_small])
def test_inside_a_map_it_is_left_out_and_order_is_kept(test: Any) -> None:
    inner = steps.filter(test) >> double
    graph = Graph("g", list[int]) >> steps.map(inner, concurrency=3)
    assert asyncio.run(graph.acall([1, 20, 3, 40, 5])) == [2, 6, 10]
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec


def test_inside_a_branch_it_ends_the_whole_event() -> None:
    graph = Graph("g", int) >> parallel(a=steps.filter(small), b=double)
    assert graph(40) is None


def test_a_filter_gives_a_bool_and_map_needs_room() -> None:
    with pytest.raises(GraphError, match="filter 'inverse': inverse gives float"):
        steps.filter(inverse)
    with pytest.raises(GraphError, match="concurrency=0"):
        steps.map(double, concurrency=0)
    with pytest.raises(GraphError, match=r"takes Iterable\[int\]"):
        Graph("g", int) >> loose.map(double)


@pytest.mark.parametrize("one", [inverse, later_inverse])
def test_an_item_that_fails_says_which_and_what_it_was_given(one: Any) -> None:
    graph = Graph("g", list[int]) >> steps.map(one, name="each")
    with pytest.raises(ZeroDivisionError) as caught:
        asyncio.run(graph.acall([1, 0, 2]))
    assert caught.value.__notes__ == [f"in step g/each/{one.__name__}", "item 1 of the list"]
    with pytest.raises(ZeroDivisionError) as again:
        asyncio.run(graph.acall([0]))
    assert again.value.input_digest == caught.value.input_digest  # type: ignore[attr-defined]


def test_items_run_together_but_not_more_than_allowed() -> None:
    running, most = 0, 0

    async def busy(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return n

    graph = Graph("g", list[int]) >> steps.map(busy, concurrency=4)
    assert asyncio.run(graph.acall(list(range(20)))) == list(range(20))
    assert most == 4


def up_to(n: int) -> list[int]:
    return list(range(n))


async def later_up_to(n: int) -> list[int]:
    await asyncio.sleep(0)
    return list(range(n))


def say(n: int) -> str:
    return str(n)


def untyped(n: int):  # type: ignore[no-untyped-def]
    return "text"


@pytest.mark.parametrize("one", [up_to, later_up_to])
def test_flat_map_makes_one_list_in_order(one: Any) -> None:
    graph = Graph("g", list[int]) >> steps.flat_map(steps.filter(small) >> one)
    assert graph.output_type == list[int]
    assert asyncio.run(graph.acall([2, 40, 0, 3])) == [0, 1, 0, 1, 2]
    again = Graph.from_spec(graph.spec.to_dict())
    assert again.spec == graph.spec and again.output_type == list[int]


def test_flat_map_takes_lists_only() -> None:
    with pytest.raises(GraphError, match="flat_map 'flat_map': its steps give int, which is no"):
        loose.flat_map(double)
    with pytest.raises(GraphError, match="its steps give str"):
        loose.flat_map(say)
    graph = Graph("g", list[int]) >> steps.flat_map(untyped)
    with pytest.raises(TypeError, match=r"'text' \(str\) is no list of items") as caught:
        graph([1])
    assert caught.value.step == "g/flat_map"  # type: ignore[attr-defined]


@given(st.lists(st.integers(), max_size=20), st.integers(1, 6))
def test_batches_are_full_but_the_last_and_in_order(values: list[int], size: int) -> None:
    graph = Graph("g", list[int]) >> steps.batch(size)
    chunks = graph(values)
    assert [item for chunk in chunks for item in chunk] == values
    assert all(len(each) == size for each in chunks[:-1]) and all(chunks)


def test_a_batch_keeps_the_type_of_its_items() -> None:
    graph = Graph("g", list[int]) >> steps.batch(2)
    assert graph.output_type == list[list[int]]
    assert Graph.from_spec(graph.spec.to_dict()).output_type == list[list[int]]
    with pytest.raises(GraphError, match=r"gives list\[list\[int\]\] but step 'map' takes Itera"):
        graph >> loose.map(double)
    with pytest.raises(GraphError, match="size=0 holds nothing"):
        steps.batch(0)
    with pytest.raises(GraphError, match=r"but step 'batch' takes Iterable"):
        Graph("g", int) >> loose.batch(2)


def pairs(values: list[int]) -> list[list[int]]:
    return [[n, -n] for n in values]


@pytest.mark.parametrize(
    "inside",
    [steps.batched(pairs), steps.breaker(step(up_to))],
    ids=["asked for many at once", "waiting in async graphs alone"],
)
def test_lists_of_what_has_two_forms_are_put_into_one(inside: Step[int, list[int]]) -> None:
    graph = Graph("g", list[int]) >> steps.flat_map(inside)
    expected = graph([2])
    assert all(isinstance(each, int) for each in expected)
    assert graph([2, 2]) == expected * 2
    waiting = Graph("g", list[int]) >> nothing_later >> steps.flat_map(inside)
    assert asyncio.run(_called(waiting, [2, 2])) == expected * 2


async def _called(graph: Graph[Any, Any], value: Any) -> Any:
    return await graph.acall(value)


async def nothing_later(values: list[int]) -> list[int]:
    return values
