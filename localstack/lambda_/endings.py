"""The ends of inits and invocations, as their sandbox's journal tells them.

An invocation's end is told after its caller has been answered, or when the caller asks for the
log; here is what remembers that it is still to be told.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .records import Call
from .sandbox import Sandbox
from .sandbox_process import Answer
from .telemetry import events, texts
from .tracing import segment
from .verdicts import Verdict, init_status, of_invocation


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
    status, kind = "success", ""
    if failed is not None:
        status, kind = init_status(failed, sandbox.out_of_memory)
    seconds = min(sandbox.init_seconds, limit)
    journal, initialization = sandbox.journal, sandbox.revision.initialization
    sandbox.read_output()  # what its init printed comes before its end is told
    journal.lines.flush(journal.now())
    journal.tell(events.init_runtime_done(sandbox.phase, status, kind, initialization))
    if sandbox.crew is not None:
        sandbox.crew.tell_init()
    journal.tell(events.init_report(sandbox.phase, status, seconds, kind, initialization))


def tell_restore(sandbox: Sandbox, failed: Answer | None) -> None:
    """A restore is over: well (`failed` is None), or with what ended it."""
    status, kind = ("success", "") if failed is None else init_status(failed)
    journal = sandbox.journal
    sandbox.read_output()
    journal.lines.flush(journal.now())
    journal.tell(events.restore_runtime_done(status, kind))
    journal.tell(events.restore_report(status, sandbox.restore_seconds, kind))


def tell_end(call: Call, sandbox: Sandbox, verdict: Verdict, seconds: float, init: float) -> bytes:
    """An invocation is over; its log's tail, for a caller who asks.

    seconds, init: its duration, and that of a cold start (else 0)
    """
    cold = init or sandbox.restore_seconds
    if sandbox.journal.plain and verdict.status == "success" and not cold:
        return _usual(call, sandbox, seconds)
    if verdict.fault:
        sandbox.journal.fault(verdict.fault)
    return sandbox.journal.close(
        runtime_done(call, verdict, seconds),
        events.end(call),
        _report(call, sandbox, verdict, seconds, init),
    )


def _usual(call: Call, sandbox: Sandbox, seconds: float) -> bytes:
    """A warm invocation that went well, told in text: most are, so it is made straight away."""
    line = texts.report_line(
        call.request_id,
        seconds * 1000,
        events.billed_ms(seconds),
        call.revision.memory_mb,
        sandbox.peak_mb(seconds),
    )
    xray = texts.xray_line(call.trace_id, segment(call.request_id))
    return sandbox.journal.close_plain(call, f"{line}\n{xray}")


def answered(call: Call, sandbox: Sandbox, verdict: Verdict, seconds: float, init: float) -> bytes:
    """The tail for a caller who has the answer while extensions are still at work; the report is
    that of the moment."""
    restored = sandbox.restore_seconds
    report = _report(call, sandbox, verdict, seconds, init)
    sandbox.restore_seconds = restored  # it is still to be told
    return sandbox.journal.preview(events.end(call), report)


async def rest(
    call: Call, sandbox: Sandbox, verdict: Verdict, seconds: float, init: float
) -> Answer | None:
    """The end of an invocation with extensions, after the answer: the runtime asks for the next
    event, then all extensions that were told of this one do; all within the function's timeout.

    What came instead, if anything did.  Source: AWS's "Extensions API" page, "Invoke phase".
    """
    began, limit = time.perf_counter() - seconds, float(call.revision.timeout_s)
    failed = await sandbox.rest("runtime", limit - seconds)
    sandbox.read_output()
    seconds = time.perf_counter() - began
    if failed is not None:
        verdict = of_invocation(call, failed, sandbox.journal.now(), sandbox.out_of_memory)
    sandbox.journal.tell(runtime_done(call, verdict, seconds))
    if failed is None:
        failed = await sandbox.rest("crew", limit - seconds)
        seconds = time.perf_counter() - began
        if failed is not None:
            verdict = of_invocation(call, failed, sandbox.journal.now(), sandbox.out_of_memory)
    if verdict.fault:
        sandbox.journal.fault(verdict.fault)
    seconds = limit if verdict.status == "timeout" else seconds
    sandbox.journal.close(events.end(call), _report(call, sandbox, verdict, seconds, init))
    return failed


def runtime_done(call: Call, verdict: Verdict, seconds: float) -> events.Event:
    status, kind = verdict.status, verdict.error_type
    return events.runtime_done(call, status, seconds, len(verdict.payload), kind)


def _report(
    call: Call, sandbox: Sandbox, verdict: Verdict, seconds: float, init: float
) -> events.Event:
    peak, restore = sandbox.peak_mb(), sandbox.restore_seconds
    sandbox.restore_seconds = 0.0
    return events.report(call, verdict.status, seconds, init, peak, verdict.error_type, restore)
