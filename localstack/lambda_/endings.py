"""The ends of inits and invocations, as their sandbox's journal tells them.

An invocation's end is told after its caller has been answered, or when the caller asks for the
log; here is what remembers that it is still to be told.
"""

from __future__ import annotations

from collections.abc import Callable

from .records import Call
from .sandbox import Answer, Sandbox
from .telemetry import events
from .verdicts import Verdict, init_status


class Ending:
    """The end of one invocation, finished once; calling it gives the invocation's log."""

    __slots__ = ("_finish", "_log")

    def __init__(self, finish: Callable[[], bytes]) -> None:
        self._finish: Callable[[], bytes] | None = finish
        self._log = b""

    def __call__(self) -> bytes:
        finish, self._finish = self._finish, None
        if finish is not None:
            self._log = finish()
        return self._log


def tell_init(sandbox: Sandbox, failed: Answer | None, limit: float) -> None:
    """An init is over: well (`failed` is None), or with what ended it; limit: its seconds."""
    status, kind = ("success", "") if failed is None else init_status(failed)
    seconds = min(sandbox.init_seconds, limit)
    journal, initialization = sandbox.journal, sandbox.revision.initialization
    journal.lines.flush(journal.now())
    journal.tell(events.init_runtime_done(sandbox.phase, status, kind, initialization))
    journal.tell(events.init_report(sandbox.phase, status, seconds, kind, initialization))


def tell_end(
    call: Call, sandbox: Sandbox, verdict: Verdict, seconds: float, init: float, peak: int
) -> bytes:
    """An invocation is over; its log's tail, for a caller who asks.

    seconds, init: its duration, and that of a cold start (else 0); peak: megabytes
    """
    status, kind = verdict.status, verdict.error_type
    journal = sandbox.journal
    if verdict.fault:
        journal.fault(verdict.fault)
    return journal.close(
        events.runtime_done(call, status, seconds, len(verdict.payload), kind),
        events.end(call),
        events.report(call, status, seconds, init, peak, kind),
    )
