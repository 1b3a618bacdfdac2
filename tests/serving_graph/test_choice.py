"""Choices by predicate and by field: order, what is missing, what does not fit, plain and async."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import Context, Graph, router, step, steps
from pelton.handlers.errors import GraphError


def small(n: int) -> bool:
    return n < 10


def even(n: int) -> bool:
    return n % 2 == 0


async def later_even(n: int) -> bool:
    await asyncio.sleep(0)
    return n % 2 == 0


def below(n: int, most: int) -> bool:
    return n < most


def double(n: int) -> int:
    return 2 * n


def negate(n: int) -> int:
    return -n


async def later_negate(n: int) -> int:
    await asyncio.sleep(0)
    return -n


def say(n: int) -> str:
    return f"n={n}"


def fails(n: int) -> bool:
    raise LookupError(n)


def count(text: str) -> int:
    return len(text)


def asked(n: int, context: Context) -> bool:
    return context.request_id == "vip"


loose: Any = steps  # what no checker lets through is refused at build, too


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Paint:
    colour: Colour
    size: Literal["small", "large"]
    glossy: bool


def paint(paint: Paint) -> str:
    return paint.size


def made(test: Any, otherwise: Any) -> Graph[int, Any]:
    inner = Graph("inner", int) >> double >> say
    picked = steps.choice(steps.when(small, inner), steps.when(test, double), otherwise=otherwise)
    return Graph("g", int) >> picked


@given(st.integers())
def test_the_first_that_holds_is_taken_plain_and_async(n: int) -> None:
    expected = f"n={2 * n}" if n < 10 else 2 * n if n % 2 == 0 else -n
    for test, otherwise in ((even, negate), (later_even, negate), (even, later_negate)):
        assert asyncio.run(made(test, otherwise).acall(n)) == expected


@pytest.mark.parametrize("graph", [made(even, negate), made(later_even, negate)])
def test_a_spec_says_it_all(graph: Graph[int, Any]) -> None:
    again = Graph.from_spec(graph.spec.to_dict())
    assert again.spec == graph.spec and again.output_type == graph.output_type == str | int
    assert asyncio.run(again.acall(30)) == 60


def test_predicates_take_arguments_and_the_context() -> None:
    case = steps.when(below, double, name="low", most=5)
    graph = Graph("g", int) >> steps.choice(case, steps.when(asked, negate), otherwise=say)
    assert graph(4) == 8
    assert graph(6, Context(request_id="vip")) == -6
    assert Graph.from_spec(graph.spec.to_dict())(6, Context()) == "n=6"


def test_an_error_says_the_predicate_or_the_branch() -> None:
    graph = Graph("g", int) >> steps.choice(steps.when(fails, double), otherwise=say)
    with pytest.raises(LookupError) as caught:
        graph(1)
    assert caught.value.step == "g/choice/fails"  # type: ignore[attr-defined]
    graph = Graph("g", int) >> steps.choice(
        steps.when(small, step(double) >> step(fails, name="x")), otherwise=say
    )
    with pytest.raises(LookupError) as caught:
        graph(1)
    assert caught.value.step == "g/choice/small/x"  # type: ignore[attr-defined]


def test_by_a_field_it_is_a_router() -> None:
    graph = Graph("g", Paint) >> steps.choice("size", {"small": paint, "large": paint})
    assert graph(Paint(Colour.RED, "large", True)) == "large"


@pytest.mark.parametrize(
    ("field", "keys", "missing"),
    [
        ("size", ["small"], "'large'"),
        ("colour", ["red"], r"Colour\.BLUE"),
        ("glossy", [True], "False"),
    ],
)
def test_a_value_that_has_no_branch_is_refused(field: str, keys: list[Any], missing: str) -> None:
    with pytest.raises(GraphError, match=f"has no branch for {missing}") as error:
        steps.choice(field, dict.fromkeys(keys, paint))
    assert error.value.file == __file__
    steps.choice(field, dict.fromkeys(keys, paint), otherwise=paint)
    with pytest.raises(GraphError, match="has no branch for False"):
        router(even, {True: double})


@pytest.mark.parametrize(
    ("field", "key", "advice"),
    [
        ("size", "lage", "did you mean 'large'"),
        ("colour", "green", "there are red, blue"),
        ("glossy", "yes", "there are "),
    ],
)
def test_a_branch_for_a_value_that_never_comes_is_refused(
    field: str, key: str, advice: str
) -> None:
    said = f"has a branch for '{key}', which .* never is; .*{advice}"
    with pytest.raises(GraphError, match=said) as error:
        steps.choice(field, {key: paint}, otherwise=paint)
    assert error.value.file == __file__
    with pytest.raises(GraphError, match="has a branch for 'large', which bool never is"):
        router(even, {True: double, False: double, "large": double})


def test_what_cannot_work_is_refused_at_build() -> None:
    with pytest.raises(GraphError, match="none of its predicates takes"):
        steps.choice(steps.when(small, double), otherwise=None)
    with pytest.raises(GraphError, match="double gives int, not whether"):
        steps.choice(loose.when(double, double), otherwise=negate)
    with pytest.raises(GraphError, match="two cases named 'small'"):
        steps.choice(steps.when(small, double), steps.when(small, negate), otherwise=say)
    with pytest.raises(GraphError, match="branch 'small' takes str, small takes int"):
        steps.choice(steps.when(small, count), otherwise=say)
    with pytest.raises(GraphError, match="give a function"):
        loose.when("size", double)


def test_a_field_is_looked_for_in_what_the_step_before_gives() -> None:
    sized = Graph("g", Paint)
    with pytest.raises(GraphError, match=r"chooses by 'sise', which .*Paint does not have"):
        sized >> steps.choice("sise", {"small": lambda it: it}, otherwise=lambda it: it)
    with pytest.raises(GraphError, match="has no branch for 'large'"):
        sized >> steps.choice("size", {"small": lambda it: it})
    with pytest.raises(GraphError, match=r"goes by 'sise', which .*Paint does not have"):
        sized >> steps.reduce(lambda state, it: state, 0, key="sise")
    assert (sized >> steps.choice("size", {"small": repr}, otherwise=repr)).output_type is Any
