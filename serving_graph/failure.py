"""`Failure`: the value that stands where an optional step did not answer, and how to leave it out.

A dict of three texts, so it is JSON as it is; its class is what tells it from an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..handlers.errors import NotReady
from .fit import members, plain, union
from .spec import Key

if TYPE_CHECKING:
    from .kit.base import Step

Combine = Callable[[Sequence[Any]], Any]


class Failure(dict[str, str]):
    """What an optional step says instead of an answer.

    step, error, message: the path of the step that failed, the class of its error, its text

    >>> Failure("g/weather/fetch", "ConnectionError", "refused").message
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


def without_failure(given: Any) -> Any:
    """The type of an optional step's answers, without `Failure`.

    >>> without_failure(int | Failure)
    <class 'int'>
    """
    kept = [each for each in members(given) if plain(each) is not Failure]
    return union(kept) if kept else given


def may_fail(steps: Sequence[Step[Any, Any]]) -> bool:
    """Whether a branch may answer `Failure`."""
    last = steps[-1]
    return last.spec.kind == "optional" or Failure in map(plain, members(last.output_type))


def leaving_out(
    make: Callable[[Sequence[float]], Combine], names: Sequence[Key], weights: Sequence[float]
) -> Combine:
    """A way to combine answers, of which those that are `Failure` are left out, with their weights.

    make: the way for such weights.  Raises `NotReady` when no answer is left.

    >>> both = leaving_out(lambda weights: sum, ["a", "b"], [1, 1])
    >>> both([1, Failure("g/b")])
    1
    """
    whole = make(weights)

    def combine(answers: Sequence[Any]) -> Any:
        kept = [place for place, each in enumerate(answers) if not isinstance(each, Failure)]
        if len(kept) == len(answers):
            return whole(answers)
        left = [weights[place] for place in kept]
        if not sum(left):
            raise NotReady(_nobody(names, answers))
        return make(left)([answers[place] for place in kept])

    return combine


def _nobody(names: Sequence[Key], answers: Sequence[Any]) -> str:
    pairs = zip(names, answers, strict=True)
    why = [f"{name}: {each.error}" for name, each in pairs if isinstance(each, Failure)]
    return f"no member that counts has answered ({', '.join(why)})"
