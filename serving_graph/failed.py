"""`Failed`: the value that stands where an optional step did not answer, and how to leave it out.

A dict of three texts, so it is JSON as it is; its class is what tells it from an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from .fit import members, plain, union
from .spec import Key

T = TypeVar("T")


class Failed(dict[str, str]):
    """What an optional step says instead of an answer.

    step, error, message: the path of the step that failed, the class of its error, its text

    >>> Failed("g/weather/fetch", "ConnectionError", "refused").message
    'refused'
    """

    def __init__(self, step: str = "", error: str = "", message: str = "", **more: str) -> None:
        super().__init__(step=step, error=error, message=message, **more)

    @property
    def step(self) -> str:
        return self["step"]

    @property
    def error(self) -> str:
        return self["error"]

    @property
    def message(self) -> str:
        return self["message"]


def without_failed(given: Any) -> Any:
    """The type of an optional step's answers, without `Failed`.

    >>> without_failed(int | Failed)
    <class 'int'>
    """
    kept = [each for each in members(given) if plain(each) is not Failed]
    return union(kept) if kept else given


def answered(answers: Mapping[Key, T], weights: Iterable[float]) -> tuple[list[T], list[float]]:
    """The answers of those that answered, in order, and their weights.

    >>> answered({"a": 1, "b": Failed("g/b")}, [0.5, 0.5])
    ([1], [0.5])
    """
    kept = [
        (answer, weight)
        for answer, weight in zip(answers.values(), weights, strict=True)
        if not isinstance(answer, Failed)
    ]
    return [answer for answer, _ in kept], [weight for _, weight in kept]
