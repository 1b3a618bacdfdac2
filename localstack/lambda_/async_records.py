"""What a destination or a dead-letter queue is told of an event: documents, nothing else.

The invocation record is that of Lambda's page "Capturing records of Lambda asynchronous
invocations" and of the wire contract.  Where both are silent, the public account of a native
capture is followed: a success counts one invocation whatever came before it; an event that no
runtime answered has no response payload; who was throttled at last tells 429, who was deleted 404.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from .async_store import Delivery, Event, Response

SUCCESS, EXHAUSTED = "Success", "RetriesExhausted"
TOO_OLD, NO_CONCURRENCY = "EventAgeExceeded", "ZeroReservedConcurrency"
_ERROR_BYTES = 1024
# As recorded, with its missing space.
_ZERO = "Function not invoked. Function isconfigured with zero reserved concurrent executions"


def deliveries(event: Event) -> tuple[Delivery, ...]:
    """What is to be handed over for an event that has come to its end."""
    settings = event.settings
    if event.condition == SUCCESS:
        return (Delivery(settings.on_success, record(event)),) if settings.on_success else ()
    found = []
    if settings.on_failure:
        found.append(Delivery(settings.on_failure, record(event)))
    if settings.dead_letter:
        body = event.payload.decode("utf-8", "replace")
        found.append(Delivery(settings.dead_letter, body, True, dead_letter_attributes(event)))
    return tuple(found)


def record(event: Event) -> str:
    """The invocation record of an event that has come to its end.

    >>> event = Event(1, b'{"n": 1}', "arn:aws:lambda:r:a:function:f", "id", "", "", 0, 0,
    ...     attempts=3, condition="RetriesExhausted", ended=0.25,
    ...     response=Response(200, "$LATEST", "Unhandled", '{"errorMessage": "no"}'))
    >>> print(record(event))  # doctest: +NORMALIZE_WHITESPACE
    {"version": "1.0", "timestamp": "1970-01-01T00:00:00.250Z",
     "requestContext": {"requestId": "id", "functionArn": "arn:aws:lambda:r:a:function:f:$LATEST",
     "condition": "RetriesExhausted", "approximateInvokeCount": 3},
     "requestPayload": {"n": 1},
     "responseContext": {"statusCode": 200, "executedVersion": "$LATEST",
     "functionError": "Unhandled"},
     "responsePayload": {"errorMessage": "no"}}
    """
    told: dict[str, Any] = {
        "version": "1.0",
        "timestamp": _stamp(event.ended),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": qualified(event.invoked_arn),
            "condition": event.condition,
            "approximateInvokeCount": 1 if event.condition == SUCCESS else event.attempts,
        },
        "requestPayload": json.loads(event.payload),
    }
    response = event.response
    if response is not None and event.condition != NO_CONCURRENCY:
        told["responseContext"] = _context(response)
        if response.status == 200:
            told["responsePayload"] = _payload(response)
    return json.dumps(told)


def dead_letter_attributes(event: Event) -> dict[str, tuple[str, str]]:
    """The message attributes of a dead letter: (type, value) by name."""
    told = {"RequestID": ("String", event.request_id)}
    response = event.response
    if event.condition == NO_CONCURRENCY:
        return told | {"ErrorMessage": ("String", _ZERO)}
    if response is None:  # it grew too old before anybody answered
        return told
    told["ErrorCode"] = ("Number", str(response.status))
    if said := _said(event, response):
        told["ErrorMessage"] = ("String", said)
    return told


def qualified(arn: str) -> str:
    """A function's ARN with its qualifier, `$LATEST` where none was given.

    >>> qualified("arn:aws:lambda:us-east-1:000000000000:function:f")
    'arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST'
    """
    return arn if arn.count(":") > 6 else f"{arn}:$LATEST"


def _context(response: Response) -> dict[str, Any]:
    told: dict[str, Any] = {"statusCode": response.status}
    if response.version:
        told["executedVersion"] = response.version
    if response.error:
        told["functionError"] = response.error
    return told


def _payload(response: Response) -> Any:
    """The function's answer; what is no JSON (a function may answer bytes) as text."""
    try:
        return json.loads(response.payload)
    except ValueError:
        return response.payload


def _said(event: Event, response: Response) -> str:
    """The error's message, no more than a kilobyte of it."""
    if response.status == 429:
        said = "Rate Exceeded."
    elif response.status == 404:
        said = f"Function not found: {qualified(event.invoked_arn)}"
    else:
        answer = _payload(response)
        said = str(answer.get("errorMessage") or "") if isinstance(answer, dict) else ""
    return said.encode()[:_ERROR_BYTES].decode("utf-8", "ignore")


def _stamp(seconds: float) -> str:
    when = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"
