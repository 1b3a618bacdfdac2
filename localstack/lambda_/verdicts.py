"""How an event's end is told: to its caller, in the log, and in the report of the invocation.

The texts are those recorded on AWS; the status of a report follows the runtime interface
emulator: an error that the handler raised is a success of the platform.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from .processes import runtime_words
from .records import Call
from .sandbox_process import Answer
from .telemetry.events import iso

RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
_KNOWN = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


class Verdict(NamedTuple):
    """payload: what the caller gets; error: X-Amz-Function-Error, "" for success
    status, error_type: of the report; fault: what the log says of the platform's own ending
    """

    payload: bytes
    error: str = ""
    status: str = "success"
    error_type: str = ""
    fault: str = ""


def of_invocation(call: Call, answer: Answer, now: int, out_of_memory: bool = False) -> Verdict:
    """now: milliseconds since the epoch."""
    if answer.kind == "response":
        if len(answer.body) > RESPONSE_LIMIT:
            return _too_large()
        return Verdict(answer.body)
    if answer.kind == "error":
        return Verdict(answer.body, "Unhandled")
    if answer.kind == "timeout":
        words = f"Task timed out after {call.revision.timeout_s:.2f} seconds"
        fault = f"{iso(now)} {call.request_id} {words}\n\n"
        return Verdict(_error(call, "Sandbox.Timedout", words), "Unhandled", "timeout", "", fault)
    kind = answer.error_type or "Runtime.ExitError"
    words = answer.words or runtime_words(answer.code)
    fault = f"RequestId: {call.request_id} Error: {words}\n{kind}\n"
    reported = "Runtime.OutOfMemory" if out_of_memory else kind
    return Verdict(_error(call, kind, words), "Unhandled", "error", reported, fault)


def of_init(call: Call, answer: Answer, now: int, out_of_memory: bool = False) -> Verdict:
    """The verdict on an invocation whose init failed: the error is the init's own."""
    if answer.kind == "error":
        return Verdict(answer.body, "Unhandled", "error", error_type(answer))
    return of_invocation(call, answer, now, out_of_memory)


def init_status(answer: Answer, out_of_memory: bool = False) -> tuple[str, str]:
    """Status and error type of a failed init."""
    if answer.kind == "timeout":
        return "timeout", ""
    if out_of_memory and answer.kind == "exit":
        return "error", "Runtime.OutOfMemory"
    return "error", error_type(answer)


def error_type(answer: Answer) -> str:
    """The type of a failed init as reports have it: one of the platform's own, "Runtime.Unknown"
    for an exception's class (`GetValidRuntimeOrFunctionErrorType` of the runtime interface
    emulator)."""
    if answer.error_type:
        return answer.error_type
    if answer.kind != "error":
        return "Runtime.ExitError"
    try:
        given = str(json.loads(answer.body)["errorType"])
    except (ValueError, KeyError, TypeError):
        given = ""
    if _KNOWN.search(given):
        return given
    return "Function.Unknown" if given.startswith("Function.") else "Runtime.Unknown"


def _too_large() -> Verdict:
    kind = "Function.ResponseSizeTooLarge"
    message = (
        f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
    )
    payload = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return Verdict(payload, "Unhandled", "error", kind)


def _error(call: Call, kind: str, words: str) -> bytes:
    message = f"RequestId: {call.request_id} Error: {words}"
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
