"""Plain steps of async graphs that hold the loop: said once a step, as nothing else shows it.

While a plain step runs, every other event of the loop stands still.  Two reads of the clock a call
(about a tenth of a microsecond) tell who does that for too long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .logs import log

if TYPE_CHECKING:
    from .kit.base import Bound
    from .run import Worker

BOUND = 0.1  # seconds; what asyncio's own debug mode calls slow, too


def watched(step: Bound, worker: Worker) -> Bound:
    """The step, where it is plain code of the user's: it is logged when it holds the loop."""
    if step.leaf and not step.is_async and step.many is None:
        step.call = (_with_context if step.context else _alone)(step, worker)
    return step


def _alone(step: Bound, worker: Worker) -> Callable[..., Any]:
    call, now, said = step.call, worker.clock.now, _Once(step, worker)

    def timed(value: Any) -> Any:
        began = now()
        answer = call(value)
        if now() - began > BOUND:
            said(now() - began, None)
        return answer

    return timed


def _with_context(step: Bound, worker: Worker) -> Callable[..., Any]:
    call, now, said, word = step.call, worker.clock.now, _Once(step, worker), step.context

    def timed(value: Any, **given: Any) -> Any:
        began = now()
        answer = call(value, **given)
        if now() - began > BOUND:
            said(now() - began, given[word])
        return answer

    return timed


class _Once:
    """Says of a step that it held the loop, the first time."""

    def __init__(self, step: Bound, worker: Worker) -> None:
        self._path, self._worker, self._said = step.path, worker, False

    def __call__(self, seconds: float, context: Any) -> None:
        if self._said:
            return
        self._said = True
        log(
            context or self._worker.context,
            "warning",
            f"step {self._path} held the loop, and every other event with it: make it async, or "
            "run it in a thread, step(..., thread=True)",
            {"step": self._path, "seconds": round(seconds, 3)},
        )
