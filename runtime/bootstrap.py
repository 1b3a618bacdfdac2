"""The outermost frame on Lambda.  Its file is called `bootstrap.py` for a reason.

AWS's runtime client leaves the leading frames of files called bootstrap.py out of the stack trace
that it reports (awslambdaric, `handle_event_request`).  So the trace that people see starts in
their own code, as it would without pelton.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..handlers.function import Function

Handler = Callable[[Any, Any], Any]


def surface(handle: Handler, function: Function[..., Any]) -> Handler:
    """`handle` of `function`, with an error's trace as people are to see it."""

    def handler(event: Any, context: Any) -> Any:
        try:
            return handle(event, context)
        except Exception as error:
            from .traces import shown  # few events need it

            raise error.with_traceback(shown(error, function))  # noqa: B904 - the same error

    return handler
