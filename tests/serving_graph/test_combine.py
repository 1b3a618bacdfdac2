"""Means and medians of scores, votes of labels and of probabilities, and their laws."""

from __future__ import annotations

import asyncio
import enum
import json
import math
import statistics
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import Graph, ensemble
from pelton.handlers.errors import GraphError
from pelton.serving_graph.kit.combine import (
    mean,
    mean_of_probabilities,
    median,
    vote,
    vote_of_probabilities,
)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


scores = st.floats(-1e6, 1e6)
weighted_scores = st.lists(st.tuples(scores, st.integers(1, 4)), min_size=1, max_size=6)
weighted_labels = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 4)), min_size=1, max_size=6
)


@st.composite
def distributions(draw: st.DrawFn) -> dict[str, float]:
    raw = draw(st.lists(st.floats(0.01, 1), min_size=3, max_size=3))
    return {label: each / sum(raw) for label, each in zip("abc", raw, strict=True)}


weighted_distributions = st.lists(
    st.tuples(distributions(), st.integers(1, 4)), min_size=1, max_size=5
)


def split(pairs: list[tuple[Any, int]]) -> tuple[list[Any], list[float]]:
    return [each for each, _ in pairs], [float(weight) for _, weight in pairs]


def repeated(pairs: list[tuple[Any, int]]) -> list[Any]:
    return [each for each, weight in pairs for _ in range(weight)]


@given(weighted_scores)
def test_a_weight_counts_a_score_that_many_times(pairs: list[tuple[float, int]]) -> None:
    values, weights = split(pairs)
    many = repeated(pairs)
    assert mean(values, weights) == pytest.approx(statistics.fmean(many), abs=1e-6)
    assert median(values, weights) == statistics.median(many)
    for made in (mean(values, weights), median(values, weights)):
        assert min(values) - 1e-6 <= made <= max(values) + 1e-6


@given(weighted_scores, st.randoms())
def test_the_order_of_the_members_is_nothing_to_a_median(
    pairs: list[tuple[float, int]], random: Any
) -> None:
    other = list(pairs)
    random.shuffle(other)
    assert median(*split(pairs)) == median(*split(other))
    assert mean(*split(pairs)) == pytest.approx(mean(*split(other)), abs=1e-6)


@given(weighted_labels)
def test_a_vote_goes_to_a_label_that_none_beats_the_one_said_first_among_equals(
    pairs: list[tuple[str, int]],
) -> None:
    counts = Counter(repeated(pairs))
    labels, weights = split(pairs)
    first = next(each for each in labels if counts[each] == max(counts.values()))
    assert vote(labels, weights) == first


@given(weighted_distributions)
def test_the_mean_of_probabilities_is_probabilities_and_their_vote_its_greatest(
    pairs: list[tuple[dict[str, float], int]],
) -> None:
    answers, weights = split(pairs)
    made = mean_of_probabilities(answers, weights)
    assert sum(made.values()) == pytest.approx(1)
    won = vote_of_probabilities(answers, weights)
    assert made[won] == max(made.values())
    lists = [list(each.values()) for each in answers]
    assert vote_of_probabilities(lists, weights, labels=["a", "b", "c"]) == won


@given(weighted_distributions)
def test_lists_dicts_and_arrays_are_combined_alike(
    pairs: list[tuple[dict[str, float], int]],
) -> None:
    answers, weights = split(pairs)
    lists = [list(each.values()) for each in answers]
    arrays = [numpy.array([each, each]) for each in lists]
    for rule in (mean, median):
        named = list(rule(answers, weights).values())
        assert rule(lists, weights) == pytest.approx(named)
        for row in rule(arrays, weights).tolist():
            assert row == pytest.approx(named)


def test_forms_of_scores() -> None:
    assert mean([[0.0, 1.0], [1.0, 0.0]], [1, 3]) == [0.75, 0.25]
    assert mean([{"a": 0.0}, {"a": 1.0}], [1, 1]) == {"a": 0.5}
    assert mean([1, 2], [1, 1]) == 1.5 and mean([numpy.float32(1), 2.0], [1, 1]) == 1.5
    made = mean([numpy.array([0.0, 2.0]), numpy.array([2.0, 4.0])], [1, 1])
    assert made.tolist() == [1.0, 3.0]
    assert median([[1.0, 9.0], [2.0, 8.0], [30.0, 7.0]], [1, 1, 1]) == [2.0, 8.0]
    assert median([1.0, 5.0, 9.0], [1, 0, 0]) == 1.0


def test_forms_of_labels() -> None:
    assert vote(["b", "a"], [1, 1]) == "b"
    assert vote(["b", "a"], [1, 2]) == "a"
    assert vote([Colour.RED, Colour.BLUE, Colour.BLUE], [1, 1, 1]) is Colour.BLUE
    assert vote([["a", "b"], ["a", "c"]], [1, 2]) == ["a", "c"]
    assert vote([numpy.array([1, 2]), numpy.array([1, 3])], [1, 2]) == [1, 3]


def test_forms_of_probabilities() -> None:
    rows = [[{"a": 1.0, "b": 0.0}], [{"a": 0.0, "b": 1.0}]]
    assert vote_of_probabilities(rows, [1, 2]) == ["b"]
    arrays = [numpy.array([[0.9, 0.1], [0.2, 0.8]], "float32")] * 2
    assert vote_of_probabilities(arrays, [1, 1], labels=["x", "y"]) == ["x", "y"]
    one_sure_of_two = [{"a": 0.9, "b": 0.1}, {"a": 0.4, "b": 0.6}, {"a": 0.4, "b": 0.6}]
    assert vote_of_probabilities(one_sure_of_two, [1, 1, 1]) == "a"


@pytest.mark.parametrize(
    ("rule", "of", "answers", "says"),
    [
        ("mean", None, ["late", "early"], "'late' .str. is not defined; combine labels with"),
        ("mean", None, [True, False], "bool"),
        ("mean", None, [0.5, True], "bool"),
        ("mean", None, [None, 1.0], "NoneType"),
        ("mean", None, [[1.0], [1.0, 2.0]], "different lengths"),
        ("mean", None, [{"a": 1.0}, {"b": 1.0}], "different labels"),
        ("mean", None, [{"a": 1.0}, 1.0], "different forms"),
        ("mean", None, [1.0, numpy.array([1.0])], "different forms"),
        ("mean", None, [numpy.zeros(2), numpy.zeros(3)], "different shapes"),
        ("median", None, ["late", "early"], "the median of 'late'"),
        ("median", None, [math.nan, 1.0], "not a number"),
        ("median", None, [numpy.zeros(2), numpy.zeros(3)], "different shapes"),
        ("vote", None, [0.5, 0.7], "not a label to vote for"),
        ("vote", None, [["a"], "b"], "different forms"),
        ("vote", None, [{"a": 1.0}, {"a": 1.0}], "say that the members give probabilities"),
        ("vote", "probabilities", ["a", "b"], "'a' .str. is no probabilities"),
        ("vote", "probabilities", [{"a": 1.0}, {"a": 0.7}], "does not add up to one"),
        ("vote", "probabilities", [{"a": 2.0, "b": -1.0}] * 2, "does not add up to one"),
        ("vote", "probabilities", [{"a": math.nan}] * 2, "does not add up to one"),
        ("vote", "probabilities", [[0.5, 0.5]] * 2, "which say no labels"),
        ("mean", "probabilities", [[0.5, 0.5], [0.5, 0.6]], "does not add up to one"),
        ("mean", "probabilities", [{"a": "1"}] * 2, "'1' .str."),
        ("mean", "probabilities", [{}, {}], "is no probabilities"),
    ],
)
def test_what_does_not_combine_is_said_at_run(
    rule: Any, of: Any, answers: list[Any], says: str
) -> None:
    answered = iter(answers)

    def first(value: int) -> Any:
        return next(answered)

    def second(value: int) -> Any:
        return next(answered)

    graph = Graph("g", int) >> ensemble(first, second, combine=rule, of=of)
    with pytest.raises((TypeError, ValueError), match=says) as caught:
        graph(1)
    assert caught.value.__notes__ == ["in step g/ensemble"]


def test_labels_and_lists_of_different_lengths() -> None:
    with pytest.raises(ValueError, match=r"give 2 probabilities, labels= names \['a'\]"):
        vote_of_probabilities([[0.5, 0.5]], [1], labels=["a"])


def text(value: int) -> str:
    return "late"


def number(value: int) -> float:
    return 0.5


def named(value: int) -> dict[str, float]:
    return {"late": 0.5, "early": 0.5}


def listed(value: int) -> list[float]:
    return [0.5, 0.5]


def words(value: int) -> list[str]:
    return ["late"]


def said(value: int) -> Literal["late", "early"]:
    return "late"


def lettered(value: int) -> dict[str, str]:
    return {"a": "b"}


async def waits(value: int) -> dict[str, float]:
    await asyncio.sleep(0)
    return {"late": 0.9, "early": 0.1}


@pytest.mark.parametrize(
    ("member", "settings", "says"),
    [
        (text, {}, "'text' gives str, of which there is no mean; use combine='vote'"),
        (said, {"combine": "median"}, "of which there is no median; use combine='vote'"),
        (lettered, {}, "gives dict\\[str, str\\], of which there is no mean"),
        (number, {"combine": "vote"}, "gives float, of which there is no vote; use combine='mean'"),
        (listed, {"combine": "vote"}, "no vote; use combine='mean'"),
        (named, {"combine": "vote"}, "no vote; say what they are: of='probabilities'"),
        (text, {"combine": "vote", "of": "probabilities"}, "no vote of probabilities"),
        (number, {"of": "probabilities"}, "let it give a dict of probabilities by label"),
        (words, {"of": "probabilities"}, "list\\[str\\], of which there is no mean of prob"),
        (named, {"combine": "median", "of": "probabilities"}, "no median of='probabilities'"),
        (named, {"of": "labels"}, "no mean of='labels'; there is scores and probabilities"),
        (named, {"labels": ["a"]}, "labels= names what a vote of='probabilities' is for"),
        (named, {"combine": len, "of": "scores"}, "are for the ways that have a name"),
    ],
)
def test_what_cannot_combine_by_its_type_is_said_at_build(
    member: Callable[[int], Any], settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(GraphError, match=says):
        ensemble(member, **settings)


@pytest.mark.parametrize(
    ("members", "settings", "output"),
    [
        ([number], {"combine": "median"}, float),
        ([listed], {"of": "probabilities"}, list[float]),
        ([named, waits], {"of": "probabilities"}, dict[str, float]),
        ([named, waits], {"combine": "vote", "of": "probabilities", "weights": [3, 1]}, str),
        ([listed], {"combine": "vote", "of": "probabilities", "labels": ["late", "early"]}, str),
        ([text], {"combine": "vote"}, str),
    ],
)
def test_what_is_known_of_the_answer_and_the_spec_keeps_it(
    members: list[Any], settings: dict[str, Any], output: Any
) -> None:
    graph = Graph("g", int) >> ensemble(*members, **settings)
    assert graph.output_type == output
    again = Graph.from_spec(json.loads(json.dumps(graph.spec.to_dict())))
    assert again.spec == graph.spec and again.output_type == output
    assert asyncio.run(again.acall(1)) == asyncio.run(graph.acall(1))
