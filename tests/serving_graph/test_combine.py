"""Means of scores and votes of labels, and the laws that hold of both."""

from __future__ import annotations

import enum
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import Graph, ensemble
from pelton.serving_graph.steps.combine import mean, vote


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


scores = st.floats(-1e6, 1e6)


@given(st.lists(scores, min_size=1, max_size=6))
def test_a_mean_lies_between_its_scores(values: list[float]) -> None:
    made = mean(values, [1.0] * len(values))
    assert min(values) - 1e-6 <= made <= max(values) + 1e-6


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=7))
def test_a_vote_goes_to_a_label_that_none_beats(labels: list[str]) -> None:
    won = vote(labels, [1.0] * len(labels))
    assert all(labels.count(won) >= labels.count(each) for each in labels)


def test_forms_of_scores() -> None:
    assert mean([[0.0, 1.0], [1.0, 0.0]], [1, 3]) == [0.75, 0.25]
    assert mean([{"a": 0.0}, {"a": 1.0}], [1, 1]) == {"a": 0.5}
    made = mean([numpy.array([0.0, 2.0]), numpy.array([2.0, 4.0])], [1, 1])
    assert made.tolist() == [1.0, 3.0]


def test_forms_of_labels() -> None:
    assert vote(["b", "a"], [1, 1]) == "b"
    assert vote(["b", "a"], [1, 2]) == "a"
    assert vote([Colour.RED, Colour.BLUE, Colour.BLUE], [1, 1, 1]) is Colour.BLUE
    assert vote([["a", "b"], ["a", "c"]], [1, 2]) == ["a", "c"]
    assert vote([{"a": 0.9, "b": 0.1}, {"a": 0.2, "b": 0.8}, {"a": 0.6}], [1, 1, 1]) == "a"
    assert vote([numpy.array([1, 2]), numpy.array([1, 3])], [1, 2]) == [1, 3]


@pytest.mark.parametrize(
    ("rule", "answers", "says"),
    [
        ("mean", ["late", "early"], "'late' .str. is not defined; combine labels with"),
        ("mean", [True, False], "bool"),
        ("mean", [[1.0], [1.0, 2.0]], "different lengths"),
        ("mean", [{"a": 1.0}, {"b": 1.0}], "different labels"),
        ("mean", [{"a": 1.0}, 1.0], "different forms"),
        ("vote", [0.5, 0.7], "not a label to vote for"),
        ("vote", [["a"], "b"], "different forms"),
    ],
)
def test_what_does_not_combine_is_said_at_run(rule: Any, answers: list[Any], says: str) -> None:
    answered = iter(answers)

    def first(value: int) -> Any:
        return next(answered)

    def second(value: int) -> Any:
        return next(answered)

    graph = Graph("g", int) >> ensemble(first, second, combine=rule)
    with pytest.raises((TypeError, ValueError), match=says) as caught:
        graph(1)
    assert caught.value.__notes__ == ["in step g/ensemble"]
