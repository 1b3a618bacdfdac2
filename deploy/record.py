"""Keeps the state while a plan is applied: before it begins, and whenever steps have ended.

So a deploy that is killed at any moment leaves a state that the next one can go on from.  What
ended while the state was written is written together: else hundreds of steps that are done side by
side would wait for one another's writing.
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
        self.state = self._kept = state.with_salt()

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
        self.state = state
        self.keep()

    def done(self, step: Step) -> None:
        """What the step left; to be kept."""
        if step.want is None:
            self.state = self.state.without(step.key)
        else:
            self.state = self.state.with_(step.key, step.want.remembered(self.state.salt))

    def keep(self) -> None:
        """Write what there is to be kept."""
        if dict(self.state.resources) != dict(self._kept.resources):
            self.state = self._kept = self._store.write(self.state)


def _pending(want: Resource) -> dict[str, Any]:
    return {"kind": want.kind, "name": want.name, "function": want.function, PENDING: True}
