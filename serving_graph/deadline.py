"""The time that an event has left, as whatever waits or tries again must ask first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..handlers.context import Context
from ..handlers.errors import DeadlineExceeded
from .compile import note

if TYPE_CHECKING:
    from .protocols import Clock


def time_left(context: Context | None) -> float:
    """Seconds that this event has; infinite without a limit, 0 when nobody waits for it any more.

    >>> time_left(Context(clock=lambda: 100.0, deadline=103.0)), time_left(None)
    (3.0, inf)
    """
    if context is None:
        return float("inf")
    if context.cancelled:
        return 0.0
    left = context.remaining_time()
    return float("inf") if left is None else left


def exceeded(what: str, path: str, value: Any) -> DeadlineExceeded:
    """The error to raise, noted with the step's path and its input's digest."""
    error = DeadlineExceeded(what)
    note(error, path, value)
    return error


def check_time(context: Context | None, path: str, value: Any) -> None:
    """Raise `DeadlineExceeded` when the event's time is over."""
    if time_left(context) <= 0:
        raise exceeded(f"the event's time was over before step {path} began", path, value)


def context_for(context: Context | None, clock: Clock) -> Context:
    """The event's context; one of its own for a graph that is called without.

    >>> from pelton.serving_graph.clock import ManualClock
    >>> context_for(None, ManualClock(60.0)).within(5).deadline
    65.0
    """
    return Context(clock=clock.now) if context is None else context
