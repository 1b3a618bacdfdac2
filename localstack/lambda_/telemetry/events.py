"""Platform events: what Lambda itself says of an init and of an invocation.

Each is a type and a record, told three ways: as a line of the text log format, as a JSON record
of the JSON log format, and to subscribers of the Telemetry and Logs APIs.  This module builds
records and renders them, and knows nothing of who gets them.

Sources: AWS's "Telemetry API Event schema reference" and "Logs API" pages (types and members),
"Log-level filtering" (the level of each event), and lines recorded on AWS (the text format, the
members beyond the documented ones).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from typing import Any

from ..names import runtime_arn
from ..records import Call, Revision
from ..tracing import segment

Record = dict[str, Any]
Event = tuple[str, Record]

DEBUG, INFO, WARN = 1, 2, 3
SYSTEM_LEVELS = {"DEBUG": DEBUG, "INFO": INFO, "WARN": WARN}
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
    version = revision.runtime.removeprefix("python")
    return "platform.initStart", {
        "initializationType": revision.initialization,
        "phase": phase,
        "runtimeVersion": f"python:{version}.v1",
        "runtimeVersionArn": runtime_arn(revision.region, revision.runtime),
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


# -- how they are told


def as_json(kind: str, record: Record, at: int) -> bytes:
    """One line of the JSON log format."""
    told = {"time": iso(at), "type": kind, "record": record}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def as_text(kind: str, record: Record) -> str:
    """One line of the text log format; "" for events which that format does not have.

    >>> as_text("platform.start", {"requestId": "8f", "version": "$LATEST"})
    'START RequestId: 8f Version: $LATEST\\n'
    >>> as_text(*init_report("init", "success", 0.1))
    ''
    """
    render = _TEXTS.get(kind)
    return render(record) if render is not None else ""


def level(kind: str, record: Record) -> int:
    """The level of an event for `SystemLogLevel`."""
    fixed = _LEVELS.get(kind)
    if fixed is not None:
        return fixed
    if record.get("status", "success") != "success" or record.get("errorType"):
        return WARN
    return DEBUG if kind in _QUIET else INFO


_LEVELS = {
    "platform.initStart": INFO,  # the runtime's version is always in it
    "platform.restoreStart": INFO,
    "platform.start": INFO,
    "platform.logsSubscription": INFO,
    "platform.telemetrySubscription": INFO,
    "platform.logsDropped": WARN,
}
_QUIET = frozenset(
    f"platform.{each}"
    for each in ("initRuntimeDone", "initReport", "runtimeDone", "restoreRuntimeDone")
)


def _init_start_text(record: Record) -> str:
    return (
        f"INIT_START Runtime Version: {record['runtimeVersion']}\t"
        f"Runtime Version ARN: {record['runtimeVersionArn']}\n"
    )


def _init_report_text(record: Record) -> str:
    """An init that failed is reported, and any that was run ahead of the calls (AWS's page on the
    execution environment's life)."""
    if record["status"] == "success" and record["initializationType"] == ON_DEMAND:
        return ""
    duration, phase = record["metrics"]["durationMs"], record["phase"]
    return f"INIT_REPORT Init Duration: {duration:.2f} ms\tPhase: {phase}\t{_status(record)}\n"


def _restore_start_text(record: Record) -> str:
    return _init_start_text(record).replace("INIT_START", "RESTORE_START", 1)


def _restore_report_text(record: Record) -> str:
    text = f"RESTORE_REPORT Restore Duration: {record['metrics']['durationMs']:.2f} ms"
    return f"{text}\n" if record["status"] == "success" else f"{text}\t{_status(record)}\n"


def start_line(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}\n"


def end_line(request_id: str) -> str:
    return f"END RequestId: {request_id}\n"


def report_line(
    request_id: str, duration_ms: float, billed_ms: int, memory_mb: int, peak_mb: int
) -> str:
    """A report as far as all have it; the line goes on where an init, a failure or a sampled trace
    is to be told, and ends with a newline."""
    return (
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\t"
        f"Billed Duration: {billed_ms} ms\tMemory Size: {memory_mb} MB\t"
        f"Max Memory Used: {peak_mb} MB\t"
    )


def _start_text(record: Record) -> str:
    return start_line(record["requestId"], record["version"])


def _end_text(record: Record) -> str:
    return end_line(record["requestId"])


def _report_text(record: Record) -> str:
    metrics = record["metrics"]
    text = report_line(
        record["requestId"],
        metrics["durationMs"],
        metrics["billedDurationMs"],
        metrics["memorySizeMB"],
        metrics["maxMemoryUsedMB"],
    )
    if "initDurationMs" in metrics:
        text += f"Init Duration: {metrics['initDurationMs']:.2f} ms\t"
    if "restoreDurationMs" in metrics:
        text += (
            f"Restore Duration: {metrics['restoreDurationMs']:.2f} ms\t"
            f"Billed Restore Duration: {metrics['billedRestoreDurationMs']} ms\t"
        )
    if record["status"] != "success":
        text += _status(record)
    return f"{text}\n{_xray(record)}"


def _status(record: Record) -> str:
    text = f"Status: {record['status']}"
    return f"{text}\tError Type: {record['errorType']}" if "errorType" in record else text


def _xray(record: Record) -> str:
    tracing = record.get("tracing")
    return xray_line(tracing["value"], tracing["spanId"]) if tracing is not None else ""


def xray_line(trace: str, span: str) -> str:
    """The second line of a report whose trace is sampled, "" for others."""
    if "Sampled=1" not in trace:
        return ""
    parts = dict(part.split("=", 1) for part in trace.split(";") if "=" in part)
    return f"XRAY TraceId: {parts.get('Root', '')}\tSegmentId: {span}\tSampled: true\t\n"


def _extension_text(record: Record) -> str:
    events = ",".join(record["events"])
    text = f"EXTENSION\tName: {record['name']}\tState: {record['state']}\tEvents: [{events}]"
    return f"{text}\tError Type: {record['errorType']}\n" if "errorType" in record else f"{text}\n"


def _telemetry_text(record: Record) -> str:
    types = ", ".join(each.capitalize() for each in record["types"])
    return f"TELEMETRY\tName: {record['name']}\tState: {record['state']}\tTypes: [{types}]\n"


def _logs_text(record: Record) -> str:
    types = ",".join(record["types"])
    return f"LOGS\tName: {record['name']}\tState: {record['state']}\tTypes: [{types}]\n"


_TEXTS: dict[str, Callable[[Record], str]] = {
    "platform.initStart": _init_start_text,
    "platform.initReport": _init_report_text,
    "platform.restoreStart": _restore_start_text,
    "platform.restoreReport": _restore_report_text,
    "platform.start": _start_text,
    "platform.end": _end_text,
    "platform.report": _report_text,
    "platform.extension": _extension_text,
    "platform.telemetrySubscription": _telemetry_text,
    "platform.logsSubscription": _logs_text,
}
