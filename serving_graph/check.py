"""What makes a sequence of steps sound: names that differ, and types that fit at every joint.

Pure: reads steps, raises `GraphError` in one sentence, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .fit import fits, type_name
from .refer import Place, wrong
from .steps.base import Step


def check_joint(
    where: str, before: Sequence[Step[Any, Any]], given: Any, added: Step[Any, Any], at: Place
) -> None:
    """Raise when `added` cannot follow `before`, whose last value has the type `given`."""
    if any(each.name == added.name for each in before):
        raise wrong(
            f"{where} has two steps named {added.name!r}", "name one: step(..., name=...)", at=at
        )
    if fits(given, added.input_type):
        return
    giver = f"step {before[-1].name!r} gives" if before else "the input is"
    raise wrong(
        f"{where}: {giver} {type_name(given)} but step {added.name!r} takes "
        f"{type_name(added.input_type)}",
        "change one annotation, or put a step between them",
        at=at,
    )


def check_sequence(where: str, steps: Sequence[Step[Any, Any]], at: Place) -> None:
    """Raise when the steps of a branch cannot follow one another, or there are none."""
    if not steps:
        raise wrong(f"{where} has no steps", "give it at least one", at=at)
    for place, added in enumerate(steps[1:], 1):
        check_joint(where, steps[:place], steps[place - 1].output_type, added, at)
