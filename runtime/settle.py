"""Before a worker stands still: wait for what its function has running aside.

Lambda freezes a worker as soon as its answer is returned, and may end it frozen.  So what a graph
runs aside of its answers (taps; not shadows, which nobody may wait for) is waited for first, as
long as the event has time.
Source: AWS's page on the execution environment's lifecycle.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..handlers.context import Context
from ..handlers.function import Function

MARGIN = 0.25  # seconds that are left for the answer's own way
Handler = Callable[[Any, Any], Any]


def settled(
    handler: Handler, function: Function[..., Any], context_of: Callable[[Any], Context]
) -> Handler:
    """`handler`, whose answer is returned when nothing of the function runs aside any more, or the
    event's time is nearly over: what is left then goes on when the worker does, and that is logged.
    """
    hooks = function.hooks.settle

    def handle(event: Any, raw: Any) -> Any:
        try:
            return handler(event, raw)
        finally:
            if not all(settle(0.0) for settle in hooks):
                _wait(raw)

    def _wait(raw: Any) -> None:
        context = context_of(raw)
        left = context.remaining_time()
        ends = None if left is None else time.monotonic() + left - MARGIN
        for settle in hooks:
            if not settle(None if ends is None else max(0.0, ends - time.monotonic())):
                context.logger.warning(
                    "steps aside are not done: they go on with the worker's next event"
                )

    return handle
