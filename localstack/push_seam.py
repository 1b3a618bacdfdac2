"""The one place where ministack's own code is changed: how it calls a function that is elsewhere.

By its public way (MINISTACK_LAMBDA_PROXY_URL) a function's error is told as the failure of a proxy,
so that a Step Functions `Catch` of the function's own error type never matches; and nobody can
tell an event source, which waits for no answer, from a caller who does.  So the function that
makes the call is replaced; `tests/localstack/test_push_seam.py` holds the seam to what is assumed
of it here.  Without it, all but those two works.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from importlib import import_module
from typing import Any

MODULE, NAME = "ministack.services.lambda_svc", "_execute_function_proxy"
WAITS = "X-Pelton-Waits"  # request: "yes" or "no", whether the caller waits for the answer
ERROR = "X-Amz-Function-Error"  # answer: the function failed, the body says how
# EventBridge, Scheduler and Logs start a thread for each event, on this and nothing else; Python
# names a thread after what it runs.
_ALONE = "(_execute_function_with_config_scope)"


def install() -> None:
    """Let ministack call functions through `call` from now on."""
    setattr(import_module(MODULE), NAME, call)


def call(function: dict[str, Any], event: Any, url: str, request_id: str) -> dict[str, Any]:
    """One invocation, as ministack wants it told: {"body"} and, when it failed, {"error": True}."""
    config = function.get("config") or function
    request = urllib.request.Request(
        url,
        data=json.dumps(event, ensure_ascii=False).encode(),
        headers={
            "Content-Type": "application/json",
            "X-Amzn-Lambda-Request-Id": request_id,
            WAITS: "no" if threading.current_thread().name.endswith(_ALONE) else "yes",
        },
        method="POST",
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=int(config.get("Timeout") or 900)) as answer:
            return _told(answer.headers, answer.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return _refused(refusal.code, refusal.read())
    except OSError as error:
        return _failed("ServiceException", f"the emulator did not answer: {error}")


def _told(headers: Any, body: bytes) -> dict[str, Any]:
    try:
        answer = {"body": json.loads(body)} if body else {"body": None}
    except ValueError:
        answer = {"body": body.decode("utf-8", "replace"), "raw_payload": True}
    return answer | ({"error": True} if headers.get(ERROR) else {})


def _refused(status: int, body: bytes) -> dict[str, Any]:
    """What Lambda's own refusal is to a caller: a throttle, or an exception of the service's."""
    text = body.decode("utf-8", "replace")
    if status == 429:
        return {"throttle": True, **_failed("Lambda.TooManyRequestsException", text)}
    return _failed("Lambda.ServiceException", text)


def _failed(kind: str, message: str) -> dict[str, Any]:
    return {"body": {"errorType": kind, "errorMessage": message}, "error": True}
