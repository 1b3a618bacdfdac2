"""Where ministack's own code is changed for pushes: how it calls a function that is elsewhere.

By its public way (MINISTACK_LAMBDA_PROXY_URL) a function's error is told as the failure of a proxy,
so that a Step Functions `Catch` of the function's own error type never matches; and nobody can
tell an event source, which waits for no answer, from a caller who does.  So the function that
makes the call is replaced.  There, too, events and answers become what AWS's are (`pushed/`); for
what the event alone does not tell, Step Functions' own function is wrapped to say for whom it calls
(API Gateway's are in `api_seam`).  `tests/localstack/test_push_seam.py` holds the seam to what is
assumed of it here.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from .pushed import source_of, step_functions
from .pushed.visit import VISIT

MODULE, NAME = "ministack.services.lambda_svc", "_execute_function_proxy"
WAITS = "X-Pelton-Waits"  # request: "yes" or "no", whether the caller waits for the answer
ERROR = "X-Amz-Function-Error"  # answer: the function failed, the body says how
# answer: what Invoke's answer says of the call
REPLY = {"version": "X-Amz-Executed-Version", "trace": "X-Amzn-Trace-Id", "date": "Date"}
TASKS = ("ministack.services.stepfunctions", "_invoke_resource")
# EventBridge, Scheduler and Logs start a thread for each event, on this and nothing else; Python
# names a thread after what it runs.
_ALONE = "(_execute_function_with_config_scope)"


def install() -> None:
    """Let ministack call functions through `call` from now on."""
    setattr(import_module(MODULE), NAME, call)


def note_tasks() -> None:
    """Let the tasks of Step Functions have Invoke's whole answer from now on."""
    module, name = TASKS
    loaded = import_module(module)
    if not hasattr(getattr(loaded, name), "__wrapped__"):
        setattr(loaded, name, _telling(getattr(loaded, name)))


def are_noted() -> bool:
    """Whether `note_tasks` has been done."""
    module, name = TASKS
    return hasattr(getattr(sys.modules.get(module), name, None), "__wrapped__")


def _telling(invoke: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    @wraps(invoke)
    def told(resource: str, parameters: Any) -> Any:
        if step_functions.RESOURCE not in resource or not isinstance(parameters, dict):
            return invoke(resource, parameters)
        reply: dict[str, str] = {}
        token = step_functions.REPLY.set(reply)
        try:
            output = invoke(resource, step_functions.asked(parameters))
        finally:
            step_functions.REPLY.reset(token)
        return step_functions.output(output, reply) if reply else output

    return told


def call(function: dict[str, Any], event: Any, url: str, request_id: str) -> dict[str, Any]:
    """One invocation, as ministack wants it told: {"body"} and, when it failed, {"error": True}.

    The event and what is told of the answer are as AWS has them (`pushed/`).
    """
    visit = VISIT.get()
    source = source_of(event, visit)
    if source is None:
        return _called(function, event, url, request_id)
    told = _called(function, source.event(event, visit), url, request_id)
    return source.result(told, visit)


def _called(function: dict[str, Any], event: Any, url: str, request_id: str) -> dict[str, Any]:
    config = function.get("config") or function
    # Loaded by the first event: http.client and what it needs are 20 ms of an emulator's start.
    import urllib.error
    import urllib.request

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
            body = answer.read()
            if (reply := step_functions.REPLY.get()) is not None:
                told = {name: answer.headers.get(header, "") for name, header in REPLY.items()}
                reply.update(told, request=request_id, length=str(len(body)))
            return _told(answer.headers, body)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return _refused(refusal.code, refusal.read())
    except OSError as error:
        told = _failed("ServiceException", f"the emulator did not answer: {error}")
        return {"refused": True, **told}


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
    return {"refused": True, **_failed("Lambda.ServiceException", text)}


def _failed(kind: str, message: str) -> dict[str, Any]:
    return {"body": {"errorType": kind, "errorMessage": message}, "error": True}
