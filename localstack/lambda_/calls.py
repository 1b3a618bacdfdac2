"""Invoke: what a call means before and after the execution side runs it.

Sources of the sentences about size: https://github.com/pelmers/streetwarp-web/issues/14 and, for
events, https://github.com/ASFHyP3/hyp3/issues/2241.
"""

from __future__ import annotations

import base64
import json
import random

from ..clock import MACHINE
from .account import Account, Act, Answer, Values
from .errors import AwsError, conflict, invalid, too_large
from .jackson import parsed
from .names import Reference, refer
from .records import Call, RestoreFailed, Throttled
from .registry import Registry
from .tracing import HEADER, handed_on

REQUEST_LIMIT = 6 * 1024 * 1024  # bytes of payload
EVENT_LIMIT = 1024 * 1024  # the same for InvocationType=Event
LOG_TAIL = 4096
CONTEXT_LIMIT = 3583  # bytes of base64, by the service model
# Quoted in Lambda's page on troubleshooting SnapStart.
_NOT_READY = (
    "Lambda is initializing your function. It will be ready to invoke once your function state "
    "becomes ACTIVE."
)
_RANDOM = random.Random()  # seeded by the system; of its own, as tests seed the shared one
_VERSION, _FREE = (4 << 76) | (2 << 62), ~((15 << 76) | (3 << 62))  # of RFC 9562's UUIDs
_UNPARSED = "Could not parse request body into json: Could not parse payload into json: "

REFUSED = ("TenantId", "DurableExecutionName")


class Calls:
    """The operation Invoke."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {"Invoke": self.invoke, "InvokeAsync": self.invoke_async}

    async def invoke(self, values: Values) -> Answer:
        kind = values.get("InvocationType", "RequestResponse")
        call = await self.call(values, kind)
        if kind == "DryRun":
            return {"StatusCode": 204}
        if kind == "Event":
            await self._account.events.accept(call)
            return {"StatusCode": 202, "RequestId": call.request_id}
        return await self._run(call, values.get("LogType") == "Tail")

    async def invoke_async(self, values: Values) -> Answer:
        """The operation that InvocationType=Event has replaced; its answer tells only a status."""
        given = {
            "FunctionName": values["FunctionName"],
            "Payload": values.get("InvokeArgs", b""),
            HEADER: values.get(HEADER, ""),
        }
        call = await self.call(given, "Event")
        await self._account.events.accept(call)
        return {"Status": 202, "RequestId": call.request_id}

    async def call(self, values: Values, kind: str) -> Call:
        """The call that a request of `kind` asks for, checked."""
        for name in REFUSED:
            if values.get(name):
                raise invalid(f"The pelton emulator does not support {name} yet.")
        reference = refer(self._account.place, values["FunctionName"], values.get("Qualifier"))
        function, version = self._registry.version(reference)
        if version.state == "Failed":
            raise conflict(
                "The operation cannot be performed at this time. The function is currently in the "
                "following state: Failed"
            )
        if version.state == "Pending":
            if version.has_snapshot:
                raise AwsError("SnapStartNotReadyException", _NOT_READY, 409)
            await self._account.settled(function)
        payload = _payload(values.get("Payload", b""), kind)
        context = _client_context(values.get("ClientContext", ""))
        if kind == "Event":  # it is handed on "for synchronous invocations only" (service model)
            context = ""
        trace = values.get(HEADER, "")
        return make_call(self._registry, reference, payload, new_request_id(), context, trace)

    async def _run(self, call: Call, with_log: bool) -> Answer:
        try:
            outcome = await self._account.execution.invoke(call)
        except (RestoreFailed, Throttled) as error:
            raise not_run(error) from None
        answer: Answer = {
            "StatusCode": 200,
            "ExecutedVersion": outcome.version,
            "Payload": outcome.payload,
            "RequestId": call.request_id,
        }
        if outcome.error:
            answer["FunctionError"] = outcome.error
        if with_log:
            answer["LogResult"] = base64.b64encode(outcome.log()[-LOG_TAIL:]).decode()
        return answer


def new_request_id() -> str:
    """A UUID of version 4; every call has one, so it is made without the system's help.

    >>> from uuid import UUID
    >>> UUID(new_request_id()).version
    4
    """
    text = f"{_RANDOM.getrandbits(128) & _FREE | _VERSION:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def not_run(error: Throttled | RestoreFailed) -> AwsError:
    """The answer when no sandbox may be started, or none could be restored."""
    if isinstance(error, RestoreFailed):
        return AwsError(error.reason, error.message, error.status)
    return AwsError("TooManyRequestsException", "Rate Exceeded.", 429, {"Reason": error.reason})


def make_call(
    registry: Registry,
    reference: Reference,
    payload: bytes,
    request_id: str,
    client_context: str = "",
    trace: str = "",
) -> Call:
    """A call of what `reference` means now.  Raises ResourceNotFoundException.

    trace: the trace header that came with it, "" for none
    """
    function, version = registry.routed(reference)
    arn = registry.place.function_arn(function.name, reference.qualifier)
    revision = registry.revision(function, version)
    trace = handed_on(trace, request_id, revision.traced, MACHINE.time())
    return Call(revision, payload, request_id, arn, client_context, trace)


def _payload(payload: bytes, kind: str) -> bytes:
    if len(payload) > REQUEST_LIMIT:
        raise too_large(
            f"Request must be smaller than {REQUEST_LIMIT} bytes for the InvokeFunction operation"
        )
    if kind == "Event" and len(payload) > EVENT_LIMIT:
        raise too_large(
            f"{len(payload)} byte payload is too large for the Event invocation type "
            f"(limit {EVENT_LIMIT} bytes)"
        )
    if not payload:
        return b"{}"
    if not _is_usual(payload):
        parsed(payload, _UNPARSED)
    return payload


def _client_context(text: str) -> str:
    """The object as the function is handed it: in a header, so on one line and in ASCII."""
    if not text:
        return ""
    if len(text) > CONTEXT_LIMIT:
        raise AwsError(
            "InvalidRequestContentException",
            f"Client context must be at most {CONTEXT_LIMIT} bytes of Base64.",
            400,
        )
    try:
        said = base64.b64decode(text, validate=True).decode()
        given = json.loads(said, parse_constant=_no_number)
    except (ValueError, RecursionError):  # no Base64, no text, no JSON
        given = None
    if not isinstance(given, dict):
        raise AwsError(
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
            400,
        )
    return json.dumps(given, separators=(",", ":"))


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


_USUAL = json.JSONDecoder(parse_constant=_no_number)  # made once; `parsed` makes one for each call


def _is_usual(payload: bytes) -> bool:
    """Whether it is JSON in plain UTF-8; of others `parsed` knows more."""
    try:
        _USUAL.decode(payload.decode())
    except (ValueError, RecursionError):
        return False
    return True
