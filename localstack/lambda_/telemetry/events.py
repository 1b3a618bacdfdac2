"""Platform events: what Lambda itself says of an init and of an invocation.

Each is a type and a record.  This module builds the records; how they read in a log is in
`texts`, and who gets them neither of the two knows.

Sources: AWS's "Telemetry API Event schema reference" and "Logs API" pages (types and members), and
records of AWS (the members beyond the documented ones).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from ..names import runtime_arn
from ..records import Call, Revision
from ..tracing import segment

Record = dict[str, Any]
Event = tuple[str, Record]

ON_DEMAND = "on-demand"


def iso(milliseconds: int) -> str:
    """A time as events have it.

    >>> iso(1665532815064)
    '2022-10-12T00:00:15.064Z'
    """
    moment = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


# -- the events of an init


def init_start(revision: Revision, stream: str, phase: str) -> Event:
    runtime = {}
    if revision.runtime:  # a container image has none that is told
        version = revision.runtime.removeprefix("python")
        arn = runtime_arn(revision.region, revision.runtime)
        runtime = {"runtimeVersion": f"python:{version}.v1", "runtimeVersionArn": arn}
    return "platform.initStart", {
        "initializationType": revision.initialization,
        "phase": phase,
        **runtime,
        "functionName": revision.name,
        "functionVersion": revision.version,
        "instanceId": stream,
        "instanceMaxMemory": revision.memory_mb << 20,
    }


def init_runtime_done(
    phase: str, status: str, error_type: str = "", initialization: str = ON_DEMAND
) -> Event:
    record = {"initializationType": initialization, "phase": phase, "status": status}
    return "platform.initRuntimeDone", _with(record, errorType=error_type)


def init_report(
    phase: str,
    status: str,
    seconds: float,
    error_type: str = "",
    initialization: str = ON_DEMAND,
) -> Event:
    record = {
        "initializationType": initialization,
        "phase": phase,
        "status": status,
        "metrics": {"durationMs": _ms(seconds)},
    }
    return "platform.initReport", _with(record, errorType=error_type)


def restore_start(revision: Revision, stream: str) -> Event:
    _, record = init_start(revision, stream, "")
    return "platform.restoreStart", {
        name: value for name, value in record.items() if name not in ("initializationType", "phase")
    }


def restore_runtime_done(status: str, error_type: str = "") -> Event:
    return "platform.restoreRuntimeDone", _with({"status": status}, errorType=error_type)


def restore_report(status: str, seconds: float, error_type: str = "") -> Event:
    record = {"status": status, "metrics": {"durationMs": _ms(seconds)}}
    return "platform.restoreReport", _with(record, errorType=error_type)


def extension(name: str, state: str, events: Sequence[str], error_type: str = "") -> Event:
    record = {"name": name, "state": state, "events": list(events)}
    return "platform.extension", _with(record, errorType=error_type)


def subscription(kind: str, name: str, types: Sequence[str]) -> Event:
    """kind: "telemetry" or "logs", the API by which the extension subscribed."""
    return f"platform.{kind}Subscription", {
        "name": name,
        "state": "Subscribed",
        "types": list(types),
    }


# -- the events of an invocation


def start(call: Call) -> Event:
    record = {
        "requestId": call.request_id,
        "functionArn": call.invoked_arn,
        "version": call.revision.version,
    }
    return "platform.start", _with(record, tracing=_tracing(call))


def runtime_done(
    call: Call, status: str, seconds: float, produced: int, error_type: str = ""
) -> Event:
    """seconds: from dispatch until the runtime was done; produced: bytes of its response."""
    record = {
        "requestId": call.request_id,
        "status": status,
        "metrics": {"durationMs": _ms(seconds), "producedBytes": produced},
    }
    return "platform.runtimeDone", _with(record, tracing=_tracing(call), errorType=error_type)


def end(call: Call) -> Event:
    return "platform.end", {"requestId": call.request_id}


def report(
    call: Call,
    status: str,
    seconds: float,
    init_seconds: float,
    peak_mb: int,
    error_type: str = "",
    restore_seconds: float = 0.0,
) -> Event:
    """seconds: the invocation's duration; init_seconds, restore_seconds: of a cold start, else 0"""
    billed = billed_ms(seconds + init_seconds)
    metrics = {
        "durationMs": _ms(seconds),
        "billedDurationMs": billed,
        "memorySizeMB": call.revision.memory_mb,
        "maxMemoryUsedMB": peak_mb,
    }
    if init_seconds:
        metrics["initDurationMs"] = _ms(init_seconds)
    if restore_seconds:
        metrics["restoreDurationMs"] = _ms(restore_seconds)
        metrics["billedRestoreDurationMs"] = -(-int(restore_seconds * 1_000_000) // 1000)
    record = {"requestId": call.request_id, "metrics": metrics}
    record = _with(record, tracing=_tracing(call))
    record["status"] = status
    return "platform.report", _with(record, errorType=error_type)


def billed_ms(seconds: float) -> int:
    """Milliseconds as they are billed: begun ones count."""
    return -(-int(seconds * 1_000_000) // 1000)


def dropped(records: int, size: int) -> Event:
    return "platform.logsDropped", {
        "reason": "Consumer seems to have fallen behind as it has not acknowledged receipt of "
        "logs.",
        "droppedRecords": records,
        "droppedBytes": size,
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _with(record: Record, **optional: Any) -> Record:
    """The record, and those optional members that say something."""
    for name, value in optional.items():
        if value:
            record[name] = value
    return record


def _tracing(call: Call) -> Record | None:
    if "Sampled=1" not in call.trace_id:
        return None
    span = segment(call.request_id)
    return {"spanId": span, "type": "X-Amzn-Trace-Id", "value": call.trace_id}
