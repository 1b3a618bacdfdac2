"""How an ensemble makes one answer of several: the mean of numbers, the vote of labels.

A number is a score or a probability; a string, bool, int or Enum is a label.  The two are never
mixed up in silence: the mean of labels and the vote of scores are refused, by type when the types
are known, by value otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import GenericAlias
from typing import Any, Literal, get_args, get_origin

from ..fit import members, plain

Combine = Callable[[Sequence[Any], Sequence[float]], Any]


def mean(answers: Sequence[Any], weights: Sequence[float]) -> Any:
    """The weighted mean of numbers, of lists of numbers (place by place), of dicts of
    probabilities (label by label), or of numpy arrays.

    Raises `TypeError` for labels, `ValueError` for answers of different lengths or labels.

    >>> mean([{"late": 0.2, "early": 0.8}, {"late": 0.4, "early": 0.6}], [1, 1])["early"]
    0.7
    """
    first = answers[0]
    if isinstance(first, dict):
        _same(answers, dict, lambda each: set(each), "labels")
        return {key: mean([each[key] for each in answers], weights) for key in first}
    if isinstance(first, (list, tuple)):
        _same(answers, (list, tuple), len, "lengths")
        return [mean(column, weights) for column in zip(*answers, strict=True)]
    for each in answers:
        if isinstance(each, (str, bytes, bool)) or not hasattr(each, "__float__"):
            if not hasattr(each, "shape"):
                raise TypeError(
                    f"the mean of {each!r:.60} ({type(each).__name__}) is not defined; combine "
                    "labels with combine='vote', anything else with a function"
                )
    total = sum(each * weight for each, weight in zip(answers, weights, strict=True))
    return total / sum(weights)


def vote(answers: Sequence[Any], weights: Sequence[float]) -> Any:
    """The label with the most weight; among equals the one said first.  Lists are voted place by
    place; a dict of probabilities votes for its most probable label.

    Raises `TypeError` for scores, `ValueError` for lists of different lengths.

    >>> vote(["late", "early", "late"], [1, 1, 1])
    'late'
    """
    answers = [getattr(each, "tolist", lambda each=each: each)() for each in answers]
    if isinstance(answers[0], (list, tuple)):
        _same(answers, (list, tuple), len, "lengths")
        return [vote(column, weights) for column in zip(*answers, strict=True)]
    counts: dict[Any, float] = {}
    for answer, weight in zip(answers, weights, strict=True):
        label = _label(answer)
        counts[label] = counts.get(label, 0.0) + weight
    return max(counts, key=lambda label: counts[label])


def _label(answer: Any) -> Any:
    if isinstance(answer, dict) and answer:
        return max(answer, key=lambda label: answer[label])
    if isinstance(answer, float) or getattr(type(answer), "__hash__", None) is None:
        raise TypeError(
            f"{answer!r:.60} ({type(answer).__name__}) is not a label to vote for; combine scores "
            "with combine='mean', anything else with a function"
        )
    return answer


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


def why_no_mean(given: Any) -> bool:
    """Whether a type is one of labels, so that no mean of it exists."""
    return any(_holds(each, (str, bytes, bool)) for each in members(given))


def why_no_vote(given: Any) -> bool:
    """Whether a type is one of scores, so that nobody can vote for it."""
    return any(_holds(each, (float, complex)) for each in members(given))


def _holds(given: Any, kinds: tuple[type, ...]) -> bool:
    given = plain(given)
    if get_origin(given) is Literal:
        return any(isinstance(each, kinds) for each in get_args(given))
    origin, arguments = get_origin(given) or given, get_args(given)
    if isinstance(origin, type) and issubclass(origin, (list, tuple)) and arguments:
        return any(_holds(each, kinds) for each in arguments if each is not Ellipsis)
    is_label = hasattr(origin, "__members__") and bool in kinds
    plain_class = isinstance(origin, type) and not isinstance(given, GenericAlias)
    return is_label or (plain_class and issubclass(origin, kinds))


def mean_type(given: Any) -> Any:
    """What `mean` gives for members of a type: numbers become floats, lists are kept."""
    given = plain(given)
    if given is int or given is float:
        return float
    origin, arguments = get_origin(given), get_args(given)
    if origin in (list, tuple) and arguments:
        return GenericAlias(list, (mean_type(arguments[0]),))
    if origin is dict and len(arguments) == 2:
        return GenericAlias(dict, (arguments[0], mean_type(arguments[1])))
    return Any


def vote_type(given: Any) -> Any:
    """What `vote` gives for members of a type: the label itself; a dict's key."""
    given = plain(given)
    origin, arguments = get_origin(given), get_args(given)
    if origin is dict and arguments:
        return arguments[0]
    return given if isinstance(origin or given, type) and "numpy" not in str(given) else Any


RULES: dict[str, Combine] = {"mean": mean, "vote": vote}
