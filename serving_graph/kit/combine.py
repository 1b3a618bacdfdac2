"""How an ensemble makes one answer of several: means and medians of scores, votes of labels or of
probabilities.

What the answers are is said, never guessed: `of="scores"` are numbers, `of="labels"` are what is
counted, `of="probabilities"` add up to one.  A misfit is refused: here by value, in `combine_types`
by type, where the types are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import fsum
from operator import mul
from typing import Any

Combine = Callable[[Sequence[Any], Sequence[float]], Any]

_CLOSE = 1e-3  # how far from one the sum of a model's probabilities may be, in float32 or rounded


def mean(answers: Sequence[Any], weights: Sequence[float]) -> Any:
    """The weighted mean of numbers, of lists of numbers (place by place), of dicts of numbers
    (label by label), or of numpy arrays.

    Raises `TypeError` for labels, `ValueError` for answers of different lengths or labels.

    >>> mean([{"late": 0.2, "early": 0.8}, {"late": 0.4, "early": 0.6}], [1, 1])["early"]
    0.7
    """
    if set(map(type, answers)) == {float}:
        return _mean(answers, weights)
    if all(hasattr(each, "shape") and each.shape for each in answers):
        _same(answers, object, lambda each: each.shape, "shapes")
        return _mean(answers, weights)
    return _by_place(answers, weights, _mean, "mean")


def median(answers: Sequence[Any], weights: Sequence[float]) -> Any:
    """The weighted median, of the same forms as `mean`: half of the weight lies on either side.

    Raises as `mean` does, and `ValueError` for not-a-number, which has no place in an order.

    >>> median([3.0, 1.0, 100.0], [1, 1, 1]), median([1.0, 2.0], [1, 1]), median([1.0, 2.0], [1, 3])
    (3.0, 1.5, 2.0)
    """
    if all(hasattr(each, "shape") and each.shape for each in answers):
        _same(answers, object, lambda each: each.shape, "shapes")
        import numpy

        return numpy.asarray(median([each.tolist() for each in answers], weights))
    return _by_place(answers, weights, _median, "median")


def vote(answers: Sequence[Any], weights: Sequence[float]) -> Any:
    """The label with the most weight; among equals the one said first.  Lists are voted place by
    place.

    Raises `TypeError` for scores and for probabilities, `ValueError` for lists of different
    lengths.

    >>> vote(["late", "early", "late"], [1, 1, 1])
    'late'
    """
    answers = [getattr(each, "tolist", lambda each=each: each)() for each in answers]
    if isinstance(answers[0], (list, tuple)):
        _same(answers, (list, tuple), len, "lengths")
        return [vote(column, weights) for column in zip(*answers, strict=True)]
    counts: dict[Any, float] = {}
    for answer, weight in zip(answers, weights, strict=True):
        check_label(answer)
        counts[answer] = counts.get(answer, 0.0) + weight
    return max(counts, key=lambda label: counts[label])


def mean_of_probabilities(answers: Sequence[Any], weights: Sequence[float]) -> Any:
    """`mean`, of what adds up to one: dicts by label, lists, or arrays, a row or rows of them.

    Raises `TypeError` and `ValueError` for what is no probabilities.
    """
    for each in answers:
        check_probabilities(_listed(each))
    return mean(answers, weights)


def vote_of_probabilities(
    answers: Sequence[Any], weights: Sequence[float], labels: Sequence[Any] | None = None
) -> Any:
    """The label that is most probable in the mean; among equals the one named first.

    labels: in the order of the members' lists; dicts say theirs

    >>> vote_of_probabilities([{"late": 0.9, "early": 0.1}, {"late": 0.3, "early": 0.7}], [1, 1])
    'late'
    >>> vote_of_probabilities([[0.9, 0.1], [0.3, 0.7]], [1, 3], labels=["late", "early"])
    'early'
    """
    listed = [_listed(each) for each in answers]
    return _most_probable(mean_of_probabilities(listed, weights), labels)


def _most_probable(found: Any, labels: Sequence[Any] | None) -> Any:
    if isinstance(found, dict):
        return max(found, key=lambda label: found[label])
    if found and isinstance(found[0], (list, dict)):
        return [_most_probable(row, labels) for row in found]
    if labels is None:
        raise TypeError(
            "the members give probabilities in lists, which say no labels; name them in order: "
            "labels=[...]"
        )
    if len(found) != len(labels):
        raise ValueError(f"the members give {len(found)} probabilities, labels= names {labels!r}")
    return labels[max(range(len(found)), key=lambda place: found[place])]


def _listed(answer: Any) -> Any:
    return answer.tolist() if hasattr(answer, "tolist") else answer


def check_probabilities(answer: Any) -> None:
    if isinstance(answer, (list, tuple)) and answer and isinstance(answer[0], (list, tuple, dict)):
        for row in answer:
            check_probabilities(row)
        return
    if not isinstance(answer, (list, tuple, dict)) or not answer:
        raise TypeError(
            f"{answer!r:.60} ({type(answer).__name__}) is no probabilities: give a dict by label, "
            "or a list, that adds up to one"
        )
    values = list(answer.values()) if isinstance(answer, dict) else list(answer)
    for each in values:
        check_number(each, "mean")
    total = sum(values)
    if not all(-_CLOSE <= each <= 1 + _CLOSE for each in values) or not abs(total - 1) <= _CLOSE:
        raise ValueError(f"{answer!r:.80} is no probabilities: it does not add up to one")


def _by_place(answers: Sequence[Any], weights: Sequence[float], rule: Combine, word: str) -> Any:
    """`rule` over the numbers in every place of lists and dicts that are alike."""
    first = answers[0]
    if isinstance(first, dict):
        _same(answers, dict, lambda each: set(each), "labels")
        return {
            key: _by_place([each[key] for each in answers], weights, rule, word) for key in first
        }
    if isinstance(first, (list, tuple)):
        _same(answers, (list, tuple), len, "lengths")
        columns = zip(*answers, strict=True)
        return [_by_place(column, weights, rule, word) for column in columns]
    for each in answers:
        check_number(each, word)
    return rule(answers, weights)


def _mean(answers: Sequence[Any], weights: Sequence[float]) -> Any:
    total = sum(each * weight for each, weight in zip(answers, weights, strict=True))
    return total / sum(weights)


def _median(answers: Sequence[Any], weights: Sequence[float]) -> Any:
    if any(each != each for each in answers):
        raise ValueError("a member's answer is not a number (NaN), of which there is no median")
    pairs = sorted(
        ((each, weight) for each, weight in zip(answers, weights, strict=True) if weight),
        key=lambda pair: pair[0],
    )
    half, below = fsum(weights) / 2, 0.0
    for place, (value, weight) in enumerate(pairs[:-1]):
        below += weight
        if below == half:
            return (value + pairs[place + 1][0]) / 2
        if below > half:
            return value
    return pairs[-1][0]


def check_number(value: Any, word: str) -> None:
    if getattr(value, "shape", ()):
        raise TypeError("the members of the ensemble answer in different forms")
    if isinstance(value, (str, bytes, bool)) or not hasattr(value, "__float__"):
        raise TypeError(
            f"the {word} of {value!r:.60} ({type(value).__name__}) is not defined; combine "
            "labels with combine='vote', anything else with a function"
        )


def check_label(value: Any) -> None:
    if isinstance(value, dict):
        raise TypeError(
            f"{value!r:.60} is no label to count; say that the members give probabilities: "
            "of='probabilities'"
        )
    if isinstance(value, float) or getattr(type(value), "__hash__", None) is None:
        raise TypeError(
            f"{value!r:.60} ({type(value).__name__}) is not a label to vote for; combine scores "
            "with combine='mean', anything else with a function"
        )


def _same(answers: Iterable[Any], kinds: Any, of: Callable[[Any], Any], what: str) -> None:
    """Raise unless every answer is of the kinds, and all are alike in the thing asked."""
    listed = list(answers)
    if any(not isinstance(each, kinds) for each in listed):
        raise TypeError("the members of the ensemble answer in different forms")
    found = [of(each) for each in listed]
    if any(each != found[0] for each in found):
        raise ValueError(
            f"the members of the ensemble answer with different {what}: {found!r:.120}"
        )


# The ways to combine, by what the answers are; where nothing is said the first of each is meant.
RULES: dict[tuple[str, str], Combine] = {
    ("mean", "scores"): mean,
    ("mean", "probabilities"): mean_of_probabilities,
    ("median", "scores"): median,
    ("vote", "labels"): vote,
    ("vote", "probabilities"): vote_of_probabilities,
}


def rule_of(
    combine: str, of: str, labels: Sequence[Any] | None, weights: Sequence[float]
) -> Callable[[Sequence[Any]], Any]:
    """The rule with its weights, and with the labels where they are given."""
    if (combine, of) == ("mean", "scores"):
        return _mean_of_floats(weights)
    found = RULES[combine, of]
    if labels is not None:
        found = partial(vote_of_probabilities, labels=labels)
    return lambda answers: found(answers, weights)


def _mean_of_floats(weights: Sequence[float]) -> Callable[[Sequence[Any]], Any]:
    """`mean`, with a short way for what is nearly always given: plain floats."""
    total, equal = sum(weights), len(set(weights)) == 1
    count = len(weights)

    def short(answers: Sequence[Any]) -> Any:
        for each in answers:
            if type(each) is not float:
                return mean(answers, weights)
        return sum(answers) / count if equal else sum(map(mul, answers, weights)) / total

    return short
