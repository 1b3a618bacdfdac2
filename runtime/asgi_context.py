"""The context of a request to a function that this process serves, with no platform around."""

from __future__ import annotations

from ..handlers.context import Context
from .logs import JsonLogger
from .worker import Worker


def context_of(
    worker: Worker, name: str, request_id: str, deadline: float | None = None
) -> Context:
    """name: of the worker's function, as its log has it."""
    return Context(
        function_name=name,
        request_id=request_id,
        deadline=deadline,
        make_logger=lambda it: JsonLogger({"requestId": it.request_id, "function": name}),
        make_metrics=worker.metrics,
        state=worker.state,
    )
