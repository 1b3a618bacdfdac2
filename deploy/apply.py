"""Follow a plan: the only code that changes anything, and it does so through target objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from .instructions import Instruction
from .plan import Plan


class Doer(Protocol):
    """What can follow a platform's instructions."""

    def do(self, instruction: Instruction) -> None:
        """Follow one instruction to its end; raises `DeployError`."""


def apply(
    plan: Plan,
    doers: Mapping[str, Doer],
    *,
    on_step: Callable[[Instruction], None] = lambda instruction: None,
) -> None:
    """Follow the instructions in order, each by the doer of its platform.

    `on_step` is called before each.  Stops at the first failure (`DeployError`); running plan
    and apply again goes on from there, because the plan is made from what is live.
    """
    for instruction in plan.instructions:
        on_step(instruction)
        doers[instruction.platform].do(instruction)
