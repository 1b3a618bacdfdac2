"""How platform events read in a log: lines of the text format, records of the JSON format.

The two formats differ in what they have (the text format has no line for a runtime that is done),
and a function's system level decides which events its log gets at all.  This module renders and
weighs what `events` builds; where it goes it never knows.

Sources: AWS's "Log-level filtering" page (the level of each event), and lines recorded on AWS (the
text format).
"""

from __future__ import annotations

import json
from collections.abc import Callable

from .events import ON_DEMAND, Record, iso

DEBUG, INFO, WARN = 1, 2, 3
SYSTEM_LEVELS = {"DEBUG": DEBUG, "INFO": INFO, "WARN": WARN}


def as_json(kind: str, record: Record, at: int) -> bytes:
    """One line of the JSON log format."""
    told = {"time": iso(at), "type": kind, "record": record}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def as_text(kind: str, record: Record) -> str:
    """One line of the text log format; "" for events which that format does not have.

    >>> as_text("platform.start", {"requestId": "8f", "version": "$LATEST"})
    'START RequestId: 8f Version: $LATEST\\n'
    >>> as_text("platform.initRuntimeDone", {"phase": "init", "status": "success"})
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
    if "runtimeVersion" not in record:
        return ""
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
