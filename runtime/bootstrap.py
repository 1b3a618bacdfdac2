"""The outermost frame on Lambda.  Its file is called `bootstrap.py` for a reason.

AWS's runtime client leaves the leading frames of files called bootstrap.py out of the stack trace
that it reports (awslambdaric, `handle_event_request`).  So the trace that people see starts in
their own code, as it would without pelton.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .worker import without_our_frames

Handler = Callable[[Any, Any], Any]


def surface(handle: Handler) -> Handler:
    """`handle`, with an error's trace cut to the user's frames."""

    def handler(event: Any, context: Any) -> Any:
        try:
            return handle(event, context)
        except Exception as error:
            raise error.with_traceback(without_our_frames(error))  # noqa: B904 - the same error

    return handler
