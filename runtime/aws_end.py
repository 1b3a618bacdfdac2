"""The end of a Lambda sandbox: SIGTERM runs the drain and stop hooks.

Lambda sends SIGTERM only where an extension is registered, and SIGKILL soon after (half a second
with internal extensions alone, two with external ones); without an extension a sandbox is killed at
once and no hook runs.  The runtime client lets Python hear signals between events from python3.12
on.  Source: AWS's pages on the execution environment's lifecycle and on extensions' shutdown phase.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from ..handlers.context import Context
from .worker import Worker, flush_prints


def end_at_sigterm(worker: Worker, context: Context) -> None:
    """Have the worker's hooks run at SIGTERM; what else was to happen then happens after them.

    Without a handler of the user's own the process ends there, and not by way of `exit`: the client
    waits in a thread for an event that will not come.
    """
    theirs = signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: Any) -> None:
        for hooks in (worker.drain, worker.end):
            try:
                hooks(context)
            except Exception:
                # The other hooks must run; the process ends, so the log is all that can tell.
                context.logger.exception("a hook failed at the end of the worker")
        flush_prints()
        if callable(theirs):
            theirs(number, frame)
        else:
            os._exit(0)

    signal.signal(signal.SIGTERM, end)
