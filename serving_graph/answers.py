"""A graph that answers before its last step: where it does, and what comes after.

Only a queue says so (`queue(..., answers="value")`); what is behind it is another function's work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .cut import after_queue
from .kit.base import Step
from .steps.queue import Queue

Steps = tuple[Step[Any, Any], ...]


def parts(graph: str, steps: Sequence[Step[Any, Any]]) -> tuple[Steps, Steps]:
    """The steps up to the one whose value is the answer, and those after it, which take that value
    as their input.  Raises `GraphError` for one that takes a value from before it."""
    place = next(place for place, each in enumerate(steps) if each.answers)
    answering, rest = steps[place], tuple(steps[place + 1 :])
    assert isinstance(answering, Queue)
    return tuple(steps[: place + 1]), after_queue(graph, rest, answering) if rest else ()
