"""Step Functions' lambda:invoke: the answer of Invoke is the task's output, with its metadata.

Sources: Step Functions' page on the Lambda integration (members of the output, Qualifier) and
outputs recorded on AWS, whose metadata have each header as a text and as a list.  ministack tells
StatusCode and Payload alone, and calls $LATEST whatever the Qualifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

RESOURCE = "states:::lambda:invoke"
Members = dict[str, Any]
# What was told of the call that the task at hand makes; None outside of such a task.
REPLY: ContextVar[dict[str, str] | None] = ContextVar("the reply to a task's call", default=None)


def asked(parameters: Members) -> Members:
    """A task's parameters, with the Qualifier as a part of the function's name.

    >>> asked({"FunctionName": "f", "Qualifier": "live"})["FunctionName"]
    'f:live'
    >>> asked({"FunctionName": "f:1", "Qualifier": "live"})["FunctionName"]
    'f:1'
    """
    name, qualifier = parameters.get("FunctionName"), parameters.get("Qualifier")
    if not isinstance(name, str) or not isinstance(qualifier, str):
        return parameters
    _, _, bare = name.rpartition(":function:")
    return parameters if ":" in bare else {**parameters, "FunctionName": f"{name}:{qualifier}"}


def output(told: Members, reply: Mapping[str, str]) -> Members:
    """The task's output: what ministack told, and what Invoke's answer says beside it.

    reply: "version", "request", "trace", "length" and "date" of the call's answer
    """
    headers = {
        "Connection": "keep-alive",
        "Content-Length": reply["length"],
        "Content-Type": "application/json",
        "Date": reply["date"],
        "X-Amz-Executed-Version": reply["version"],
        "x-amzn-Remapped-Content-Length": "0",
        "x-amzn-RequestId": reply["request"],
        "X-Amzn-Trace-Id": reply["trace"],
    }
    return {
        "ExecutedVersion": reply["version"],
        "Payload": told["Payload"],
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": reply["request"]},
        "StatusCode": told["StatusCode"],
    }
