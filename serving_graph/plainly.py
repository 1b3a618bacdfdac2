"""The context of a graph that is called plainly, by a program or a test, where a step asks for one.

Knows no step.  An adapter gives its own; this one has a logger, metrics, and a state that is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ..handlers.context import Context
from ..handlers.metrics import Metrics
from ..runtime.logs import JsonLogger

if TYPE_CHECKING:
    from .protocols import Clock

Make = Callable[[], Context]


def contexts(clock: Clock) -> Make:
    """What makes a context for each event of one worker; state and metrics are the worker's.

    >>> from pelton.serving_graph.clock import RealClock
    >>> make = contexts(RealClock())
    >>> make().state.rates = {"EUR": 1.25}
    >>> make().state.rates
    {'EUR': 1.25}
    """
    state, metrics = SimpleNamespace(), Metrics()

    def make() -> Context:
        return Context(
            state=state, make_metrics=lambda: metrics, make_logger=_logger, clock=clock.now
        )

    return make


def _logger(context: Context) -> JsonLogger:
    return JsonLogger({})


def given(run: Callable[..., Any], make: Make) -> Callable[..., Any]:
    """`run`, handed a context where the caller has none."""

    def told(value: Any, context: Any = None) -> Any:
        return run(value, make() if context is None else context)

    return told
