"""Keeps the state while a plan is applied: before it begins, and after each step.

So a deploy that is killed at any moment leaves a state that the next one can go on from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .kinds.base import Resource
from .plan import PENDING, Plan, Step
from .state import State, Store


class Record:
    """The state of one apply.  Nothing is written where nothing has changed."""

    def __init__(self, store: Store, state: State) -> None:
        self._store = store
        self.state = state.with_salt()

    def begin(self, plan: Plan, wanted: Sequence[Resource]) -> None:
        """What is as it is to be, what is about to be made, and what is there no more."""
        state, steps = self.state, {each.key: each for each in plan.steps}
        for each in wanted:
            if each.key in plan.live and each.key not in steps:
                state = state.with_(each.key, each.remembered(state.salt))
        for key, step in steps.items():
            if step.action == "create" and step.want is not None:
                state = state.with_(key, _pending(step.want))
        for key in plan.gone:
            state = state.without(key)
        self._keep(state)

    def done(self, step: Step) -> None:
        """What the step left."""
        if step.want is None:
            self._keep(self.state.without(step.key))
        else:
            self._keep(self.state.with_(step.key, step.want.remembered(self.state.salt)))

    def _keep(self, state: State) -> None:
        if dict(state.resources) != dict(self.state.resources):
            self.state = self._store.write(state)


def _pending(want: Resource) -> dict[str, Any]:
    return {"kind": want.kind, "name": want.name, "function": want.function, PENDING: True}
