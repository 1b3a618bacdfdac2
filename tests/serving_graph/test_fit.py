"""Does a type fit another: the rules one by one, and the laws that hold of all."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from types import GenericAlias
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    NotRequired,
    Optional,
    Protocol,
    TypedDict,
    TypeVar,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.serving_graph.fit import fits, type_from_dict, type_name, type_to_dict
from pelton.serving_graph.refer import resolve

Id = NewType("Id", str)
T = TypeVar("T")


class Colour(enum.Enum):
    RED = 1


class Base: ...


class Derived(Base): ...


class Sized(Protocol):
    def __len__(self) -> int: ...


class Point(TypedDict):
    x: float
    y: float


class Named(Point):
    name: str


FIT: list[tuple[Any, Any]] = [
    (int, float),
    (bool, int),
    (Derived, Base),
    (str, object),
    (Any, str),
    (str, Any),
    (None, Optional[int]),  # noqa: UP045 - the old form too
    (int, int | str),
    (int | bool, int | str),
    (Literal["a"], str),
    (Literal["a"], Literal["a", "b"]),
    (list[int], list[float]),
    (list[int], Sequence[int]),
    (list, list[int]),
    (dict[str, int], Mapping[str, float]),
    (dict[str, int], Iterable[str]),
    (tuple[int, int], tuple[int, ...]),
    (tuple[int, str], Sequence[int | str]),
    (Named, Point),
    (Point, dict[str, float]),
    (Point, Mapping[str, Any]),
    (dict[str, Any], Point),
    (Id, str),
    (Annotated[int, "x"], float),
    (list[T], list[str]),  # type: ignore[valid-type]
    (str, Sized),
    (Colour, enum.Enum),
]
MISFIT: list[tuple[Any, Any]] = [
    (float, int),
    (str, int),
    (Base, Derived),
    (int | str, int),
    (None, int),
    (list[str], list[float]),
    (list[int], dict[str, int]),
    (dict[str, int], dict[str, str]),
    (tuple[int, int], tuple[int]),
    (tuple[int, str], tuple[int, ...]),
    (Point, Named),
    (Point, dict[str, str]),
    (Point, list[float]),
    (list[float], Point),
    (str, Literal["a"]),
    (Literal["c"], Literal["a", "b"]),
    (str, Id),
    (int, Sized),
]


@pytest.mark.parametrize(("have", "need"), FIT, ids=str)
def test_fits(have: Any, need: Any) -> None:
    assert fits(have, need)


@pytest.mark.parametrize(("have", "need"), MISFIT, ids=str)
def test_does_not_fit(have: Any, need: Any) -> None:
    assert not fits(have, need)


leaves: st.SearchStrategy[Any] = st.sampled_from([int, str, float, bool, bytes, type(None), Base])
types: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda each: GenericAlias(list, (each,))),
        inner.map(lambda each: GenericAlias(dict, (str, each))),
        st.tuples(inner, inner).map(lambda pair: GenericAlias(tuple, pair)),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
    ),
    max_leaves=5,
)


@given(types)
def test_every_type_fits_itself_any_and_a_wider_union(given_type: Any) -> None:
    assert fits(given_type, given_type) and fits(given_type, Any)
    assert fits(given_type, given_type | Derived)


@given(types)
def test_a_type_is_written_down_and_read_back(given_type: Any) -> None:
    assert type_from_dict(type_to_dict(given_type), resolve) == given_type


def test_names_are_those_people_write() -> None:
    assert type_name(dict[str, Optional[Point]]) == "dict[str, Point | None]"  # noqa: UP045
    assert type_name(Literal["a", 1]) == "Literal['a', 1]"
    assert type_name(tuple[int, ...]) == "tuple[int, ...]"
    assert type_name(Annotated[int, "x"]) == "int"


class Noted(Point):
    note: NotRequired[str]


def test_what_may_be_left_out_is_not_asked_for() -> None:
    """Annotations are strings here, so Python itself takes every field for required."""
    assert fits(Point, Noted) and fits(Noted, Point)
    assert not fits(Point, Named)
