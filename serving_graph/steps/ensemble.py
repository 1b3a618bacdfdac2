"""Several models on the same value, their answers combined into one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast, overload

from ..compile import Run, note
from ..failure import Combine, leaving_out, may_fail, without_failure
from ..fit import fits, type_name, union
from ..kit.base import Branches, Step
from ..kit.combine import RULES, rule_of
from ..kit.combine_types import rule_type, why_not
from ..kit.hold import Holder, common_input, named_members
from ..kit.signature import Signature
from ..refer import Place, holds_state, place, reference, resolve, wrong
from ..spec import Key, StepSpec, canonical
from ..together import combined, compile_together
from .parallel import gather

if TYPE_CHECKING:
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
O = TypeVar("O")  # noqa: E741
N = TypeVar("N")


_WORDS = tuple(dict.fromkeys(word for word, _ in RULES))


class Settings(NamedTuple):
    """What a way to combine with a name is told."""

    of: str | None = None
    weights: Sequence[float] | None = None
    labels: Sequence[str | int] | None = None


class Ensemble(Holder):
    """See `ensemble`."""

    hands = "all"

    def __init__(
        self, branches: Branches, combine: Any, settings: Settings, name: str, at: Place
    ) -> None:
        weights = weights_of(settings.weights, branches, f"ensemble {name!r}", at)
        written = {"combine": _written(combine, name, at), "weights": weights}
        of = _of(combine, settings, name, at)
        if of:
            written["of"] = of
        if settings.labels is not None:
            written["labels"] = list(settings.labels)
        super().__init__("ensemble", name, branches, at, options=canonical(written))
        self.combine, self.of, self.labels = combine, of, settings.labels
        self.weights = weights or [1.0] * len(branches)
        self.input_type = common_input(self)
        if isinstance(combine, str):
            self.output_type = self._rule_type(combine)
        else:
            self.references = (reference(combine),)
            self.output_type = self._function_type(weights)

    def _rule_type(self, rule: str) -> Any:
        for key, steps in self.branches:
            given = without_failure(steps[-1].output_type)
            if instead := why_not(rule, self.of, given):
                what = rule if self.of != "probabilities" else f"{rule} of probabilities"
                raise wrong(
                    f"ensemble {self.name!r}: member {key!r} gives {type_name(given)}, "
                    f"of which there is no {what}",
                    f"{instead}, or combine with a function",
                    at=self.place,
                )
        return rule_type(rule, self.of, self.outputs(), self.labels)

    def outputs(self) -> list[Any]:
        return [without_failure(each) for each in super().outputs()]

    def _function_type(self, weights: Any) -> Any:
        signature = Signature(self.combine, f"{self.name}'s combine", self.place)
        if signature.is_async or signature.context or weights:
            raise wrong(
                f"ensemble {self.name!r}: combine={self.combine.__name__} must be a plain function "
                "of the list of answers, without weights=",
                at=self.place,
            )
        given = GenericAlias(list, (union(self.outputs()),))
        if not fits(given, signature.input_type):
            raise wrong(
                f"ensemble {self.name!r}: its members give {type_name(given)} but "
                f"{self.combine.__name__} takes {type_name(signature.input_type)}",
                at=self.place,
            )
        return signature.output_type

    def _combining(self) -> Combine:
        def make(weights: Sequence[float]) -> Combine:
            if isinstance(self.combine, str):
                return rule_of(self.combine, self.of, self.labels, weights)
            return cast(Combine, self.combine)

        if any(may_fail(steps) for _, steps in self.branches):
            return leaving_out(make, [key for key, _ in self.branches], self.weights)
        return make(self.weights)

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        together, combine = gather(runs), self._combining()
        if not self.is_async:
            mean = (self.combine, self.of) == ("mean", "scores") and len(set(self.weights)) == 1
            return compile_together(path, runs, *combined(len(runs), combine, mean=mean))

        async def run_and_wait(value: Any, context: Any) -> Any:
            answers = await together(value, context)
            try:
                return combine(list(answers.values()))
            except Exception as error:
                note(error, path)
                raise

        return run_and_wait


@overload
def ensemble(
    *members: Callable[[I], O] | Step[I, O],
    combine: Callable[[list[O]], N],
    name: str = "ensemble",
) -> Step[I, N]: ...
@overload
def ensemble(
    *members: Any,
    combine: Literal["mean", "median", "vote"] = "mean",
    of: Literal["scores", "labels", "probabilities"] | None = None,
    weights: Sequence[float] | None = None,
    labels: Sequence[str | int] | None = None,
    name: str = "ensemble",
) -> Step[Any, Any]: ...


def ensemble(
    *members: Any,
    combine: Any = "mean",
    of: str | None = None,
    weights: Sequence[float] | None = None,
    labels: Sequence[str | int] | None = None,
    name: str = "ensemble",
) -> Step[Any, Any]:
    """A step that gives the value to every member and combines their answers.

    combine: "mean" or "median" of numbers, lists of numbers, dicts of numbers or arrays; "vote"
             (ties go to the member named first); or a function of the list of answers
    of:      what the answers are.  "scores", any numbers (mean and median, where left out);
             "labels", counted (vote, where left out); "probabilities", dicts by label or lists
             that add up to one: their mean, or a vote for the label most probable in the mean
    weights: one positive number a member, for all but a function
    labels:  the labels' names in the order of the members' lists, for a vote of probabilities

    A member that is `optional` and fails is left out, with its weight; when none is left,
    `NotReady` is raised.

    Raises `GraphError` when the members' types cannot be combined so, when two have one name, or
    when the weights do not match; at run, `TypeError` or `ValueError` says which answer does not
    combine.

    >>> from pelton import Graph
    >>> def low(x: float) -> float:
    ...     return x
    >>> def high(x: float) -> float:
    ...     return x + 2
    >>> (Graph("middle", float) >> ensemble(low, high, weights=[1, 3]))(1.0)
    2.5
    >>> def calm(x: float) -> dict[str, float]:
    ...     return {"late": 0.25, "early": 0.75}
    >>> def wild(x: float) -> dict[str, float]:
    ...     return {"late": 1.0, "early": 0.0}
    >>> voted = ensemble(calm, wild, combine="vote", of="probabilities")
    >>> (Graph("soft", float) >> voted)(1.0)
    'late'
    """
    at = place()
    settings = Settings(of, weights, labels)
    return Ensemble(named_members(members, f"ensemble {name!r}", at), combine, settings, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    """The step that a spec says."""
    combine = spec.option("combine")
    combine = combine if isinstance(combine, str) else resolve(combine["function"])
    settings = Settings(spec.option("of"), spec.option("weights"), spec.option("labels"))
    return Ensemble(branches, combine, settings, spec.name, at)


def _written(combine: Any, name: str, at: Place) -> Any:
    if isinstance(combine, str) and combine in _WORDS:
        return combine
    if not callable(combine) or not hasattr(combine, "__qualname__") or holds_state(combine):
        raise wrong(
            f"ensemble {name!r}: combine={combine!r:.60} is not a way to combine",
            f"use {', '.join(map(repr, _WORDS))} or a function of the list of answers",
            at=at,
        )
    return {"function": reference(combine)}


def _of(combine: Any, settings: Settings, name: str, at: Place) -> str:
    """What the answers are, as said or as the way to combine takes them."""
    what, of = f"ensemble {name!r}", settings.of
    if not isinstance(combine, str):
        if of or settings.labels is not None:
            raise wrong(f"{what}: of= and labels= are for the ways that have a name", at=at)
        return ""
    known = [each for word, each in RULES if word == combine]
    if of is not None and of not in known:
        raise wrong(
            f"{what}: there is no {combine} of={of!r}", f"there is {' and '.join(known)}", at=at
        )
    if settings.labels is not None and (combine, of) != ("vote", "probabilities"):
        raise wrong(f"{what}: labels= names what a vote of='probabilities' is for", at=at)
    return of or known[0]


def weights_of(weights: Any, branches: Branches, what: str, at: Place) -> list[float] | None:
    """The weights, one a member.  Raises `GraphError` for others."""
    if weights is None:
        return None
    listed = [float(each) for each in weights]
    if len(listed) != len(branches) or not all(0 <= each < float("inf") for each in listed):
        raise wrong(
            f"{what} has {len(branches)} members and the weights {listed}",
            "give one positive number a member",
            at=at,
        )
    if sum(listed) == 0:
        raise wrong(f"{what}: the weights are all zero", at=at)
    return listed
