"""Several models on the same value, their answers combined into one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from ..compile import Run, note
from ..fit import fits, type_name, union
from ..refer import Place, holds_state, place, reference, resolve, wrong
from ..spec import Key, StepSpec, canonical
from .base import Branches, Step
from .combine import RULES, mean_type, vote_type, why_no_mean, why_no_vote
from .hold import Holder, common_input, named_members
from .parallel import gather
from .signature import Signature

if TYPE_CHECKING:
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
O = TypeVar("O")  # noqa: E741
N = TypeVar("N")


class Ensemble(Holder):
    """See `ensemble`."""

    def __init__(
        self, branches: Branches, combine: Any, weights: Any, name: str, at: Place
    ) -> None:
        weights = _weights(weights, branches, name, at)
        options = canonical({"combine": _written(combine, name, at), "weights": weights})
        super().__init__("ensemble", name, branches, at, options=options)
        self.combine, self.weights = combine, weights or [1.0] * len(branches)
        self.input_type = common_input(self)
        if isinstance(combine, str):
            self.output_type = self._rule_type(combine)
        else:
            self.references = (reference(combine),)
            self.output_type = self._function_type(weights)

    def _rule_type(self, rule: str) -> Any:
        refuse = why_no_mean if rule == "mean" else why_no_vote
        for key, steps in self.branches:
            given = steps[-1].output_type
            if refuse(given):
                other = "combine='vote'" if rule == "mean" else "combine='mean'"
                raise wrong(
                    f"ensemble {self.name!r}: member {key!r} gives {type_name(given)}, "
                    f"of which there is no {rule}",
                    f"use {other}, or a function",
                    at=self.place,
                )
        made = [(mean_type if rule == "mean" else vote_type)(each) for each in self.outputs()]
        return union(made)

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

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        listed = list(runs.values())
        merge = self._merger(path)
        together = gather(runs)

        def run(value: Any, context: Any) -> Any:
            return merge([each(value, context) for each in listed])

        async def run_and_wait(value: Any, context: Any) -> Any:
            answers = await together(value, context)
            return merge(list(answers.values()))

        return run_and_wait if self.is_async else run

    def _merger(self, path: str) -> Callable[[list[Any]], Any]:
        rule, weights, combine = RULES.get(str(self.combine)), self.weights, self.combine

        def merge(answers: list[Any]) -> Any:
            try:
                return combine(answers) if rule is None else rule(answers, weights)
            except Exception as error:
                note(error, path)
                raise

        return merge


@overload
def ensemble(
    *members: Callable[[I], O] | Step[I, O],
    combine: Callable[[list[O]], N],
    name: str = "ensemble",
) -> Step[I, N]: ...
@overload
def ensemble(
    *members: Any,
    combine: Literal["mean", "vote"] = "mean",
    weights: Sequence[float] | None = None,
    name: str = "ensemble",
) -> Step[Any, Any]: ...


def ensemble(
    *members: Any,
    combine: Any = "mean",
    weights: Sequence[float] | None = None,
    name: str = "ensemble",
) -> Step[Any, Any]:
    """A step that gives the value to every member and combines their answers.

    combine: "mean" of numbers, lists of numbers, dicts of probabilities or arrays; "vote" of
             labels (ties go to the member named first); or a function of the list of answers
    weights: one positive number a member, for "mean" and "vote"

    Raises `GraphError` when the members' types cannot be combined so, when two have one name, or
    when the weights do not match; at run, `TypeError` says which answer does not combine.

    >>> from pelton import Graph
    >>> def low(x: float) -> float:
    ...     return x
    >>> def high(x: float) -> float:
    ...     return x + 2
    >>> (Graph("middle", float) >> ensemble(low, high, weights=[1, 3]))(1.0)
    2.5
    """
    at = place()
    return Ensemble(named_members(members, f"ensemble {name!r}", at), combine, weights, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    combine = spec.option("combine")
    combine = combine if isinstance(combine, str) else resolve(combine["function"])
    return Ensemble(branches, combine, spec.option("weights"), spec.name, at)


def _written(combine: Any, name: str, at: Place) -> Any:
    if isinstance(combine, str) and combine in RULES:
        return combine
    if not callable(combine) or not hasattr(combine, "__qualname__") or holds_state(combine):
        raise wrong(
            f"ensemble {name!r}: combine={combine!r:.60} is not a way to combine",
            f"use {', '.join(map(repr, RULES))} or a function of the list of answers",
            at=at,
        )
    return {"function": reference(combine)}


def _weights(weights: Any, branches: Branches, name: str, at: Place) -> list[float] | None:
    if weights is None:
        return None
    listed = [float(each) for each in weights]
    if len(listed) != len(branches) or not all(0 <= each < float("inf") for each in listed):
        raise wrong(
            f"ensemble {name!r} has {len(branches)} members and the weights {listed}",
            "give one positive number a member",
            at=at,
        )
    if sum(listed) == 0:
        raise wrong(f"ensemble {name!r}: the weights are all zero", at=at)
    return listed
