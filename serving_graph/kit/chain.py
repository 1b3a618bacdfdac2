"""Steps joined before they have a graph: joining a chain is joining its steps one by one.

So `(g >> a) >> b` and `g >> (a >> b)` are the same graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..check import check_sequence
from ..refer import Place, place
from ..spec import StepSpec
from ..steps.call import steps_of
from .base import Bound, Step

if TYPE_CHECKING:
    from ..run import Worker


class Chain(Step[Any, Any]):
    """Several steps as one thing to join; it leaves no trace in a spec."""

    def __init__(self, steps: tuple[Step[Any, Any], ...], at: Place) -> None:
        super().__init__(StepSpec("chain", steps[-1].name), at)
        self._steps = steps = check_sequence(f"the chain up to {self.name!r}", steps, at)
        self.input_type, self.output_type = steps[0].input_type, steps[-1].output_type
        self.is_async = any(each.is_async for each in steps)
        self.takes_context = any(each.takes_context for each in steps)
        self.drops = any(each.drops for each in steps)

    @property
    def steps(self) -> tuple[Step[Any, Any], ...]:
        return self._steps

    def bind(self, worker: Worker, path: str) -> Bound:
        raise AssertionError("a chain is taken apart when it is joined")


def join(first: Step[Any, Any], then: Any) -> Step[Any, Any]:
    """`first >> then`, for steps that have no graph yet."""
    return Chain((*first.steps, *steps_of(then)), place())
