"""Test functions in-process, through the real call path: `invoke`, contexts, event factories.

What a platform would deliver is made by the factories; what it would get back is given back.
Nothing here starts a process; the emulator as a fixture is in `pelton.pytest_plugin`.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from .handlers.app import App
from .handlers.context import Context
from .handlers.event import Event
from .handlers.function import Function
from .runtime.aws import make_handler
from .runtime.call import compile_call
from .runtime.logs import JsonLogger
from .runtime.worker import Worker

__all__ = [
    "advance",
    "alb",
    "cron",
    "http_v1",
    "http_v2",
    "invoke",
    "lambda_context",
    "make_context",
    "on_lambda",
    "sqs",
]


def make_context(
    name: str = "test",
    *,
    secrets: Mapping[str, str] | None = None,
    answers: Mapping[str, Any] | None = None,
    lines: list[str] | None = None,
    remaining: float | None = None,
    state: SimpleNamespace | None = None,
) -> Context:
    """A context for tests.

    secrets: what `context.secret` knows; answers: what `context.invoke` gives, by function name;
    lines: collects what is logged; remaining: seconds that `remaining_time` says.

    >>> make_context(secrets={"KEY": "s3"}).secret("KEY")
    's3'
    """

    def secret(wanted: str) -> str:
        if wanted not in (secrets or {}):
            raise KeyError(f"secret {wanted!r} is not among those given to make_context")
        return (secrets or {})[wanted]

    def call(function: str, payload: Any, wait: bool) -> Any:
        if function not in (answers or {}):
            raise RuntimeError(f"function {function!r} is not among the answers of make_context")
        return (answers or {})[function] if wait else None

    collected = lines if lines is not None else []
    return Context(
        function_name=name,
        request_id=str(uuid.uuid4()),
        deadline=remaining,
        logger=JsonLogger({"function": name}, level="DEBUG", write=collected.append),
        state=state,
        secret=secret,
        invoke=call,
        clock=lambda: 0.0,
    )


def invoke(
    fn: Function[..., Any] | Callable[..., Any],
    body: Any = None,
    *,
    context: Context | None = None,
) -> Any:
    """Run a function on one event through the real call path; its encoded answer.

    body: a JSON-ready value, bytes, str, or a whole `Event`.  A bare function is taken as one
    without settings.  Hooks: init before, stop after.

    >>> def double(n: int) -> int:
    ...     return 2 * n
    >>> invoke(double, 4)
    8
    """
    function = fn if isinstance(fn, Function) else App("test").function(fn)
    context = context or make_context(function.name)
    worker = Worker(function)
    worker.begin(context)
    try:
        event = body if isinstance(body, Event) else Event(body=body, id=context.request_id)
        answer = compile_call(function)(event, context)
    finally:
        worker.end(context)
    return answer


def on_lambda(fn: Function[..., Any], payload: Any) -> Any:
    """Run a function on what Lambda delivers; what Lambda would get back.

    >>> from pelton import App, http
    >>> app = App("doc")
    >>> @app.function(triggers=[http()])
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> on_lambda(double, http_v2(21))["body"]
    '42'
    """
    return make_handler(fn)(payload, lambda_context(fn.name))


def lambda_context(name: str = "test", *, remaining_ms: int = 3000) -> Any:
    """An object with the attributes of Lambda's own context.

    >>> lambda_context("score").function_name
    'score'
    """
    return SimpleNamespace(
        aws_request_id=str(uuid.uuid4()),
        function_name=name,
        function_version="$LATEST",
        memory_limit_in_mb="128",
        invoked_function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        log_group_name=f"/aws/lambda/{name}",
        log_stream_name="test",
        identity=None,
        client_context=None,
        get_remaining_time_in_millis=lambda: remaining_ms,
    )


def advance(url: str, seconds: float) -> float:
    """Move the manual clock of the emulator at `url` on by `seconds`; its time then.

    Retries, schedules, batching windows and visibility timeouts that fall due on the way happen
    before this returns, in the order of their times.  Raises RuntimeError with the emulator's
    sentence when it goes by the machine's clock, or when something does not come to rest.
    """
    request = urllib.request.Request(
        f"{url}/_pelton/clock",
        data=json.dumps({"advance": seconds}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with open_directly(request) as answer:
            return float(json.load(answer)["time"])
    except urllib.error.HTTPError as error:
        with error:
            raise RuntimeError(json.load(error)["message"]) from None


def open_directly(request: urllib.request.Request | str) -> Any:
    """`urlopen` past every proxy of the environment: none leads to an emulator on this machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(request, timeout=600)


def _text(body: Any) -> tuple[str | None, bool]:
    if body is None:
        return None, False
    if isinstance(body, bytes):
        return base64.b64encode(body).decode(), True
    return (body if isinstance(body, str) else json.dumps(body)), False


def http_v2(
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A request as a function URL or an HTTP API delivers it (payload format 2.0).

    >>> http_v2({"a": 1})["body"]
    '{"a": 1}'
    """
    text, encoded = _text(body)
    given = {"content-type": "application/json", **(headers or {})}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "&".join(f"{k}={v}" for k, v in (query or {}).items()),
        "headers": {name.lower(): value for name, value in given.items()},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "127.0.0.1"},
            "requestId": str(uuid.uuid4()),
            "stage": "$default",
        },
        "isBase64Encoded": encoded,
    }
    if text is not None:
        event["body"] = text
    if query:
        event["queryStringParameters"] = dict(query)
    return event


def http_v1(
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A request as a REST API delivers it (payload format 1.0).

    >>> http_v1({"a": 1})["httpMethod"]
    'POST'
    """
    text, encoded = _text(body)
    given = {"Content-Type": "application/json", **(headers or {})}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"requestId": str(uuid.uuid4()), "httpMethod": method, "stage": "test"},
        "body": text,
        "isBase64Encoded": encoded,
    }


def alb(
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A request as an Application Load Balancer delivers it.

    >>> "elb" in alb()["requestContext"]
    True
    """
    text, encoded = _text(body)
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:test"}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": text or "",
        "isBase64Encoded": encoded,
    }


def sqs(*bodies: Any, queue: str = "queue") -> dict[str, Any]:
    """A batch of messages as an SQS event source mapping delivers it, ids "0", "1", …

    >>> [each["messageId"] for each in sqs({"a": 1}, "text")["Records"]]
    ['0', '1']
    """
    return {
        "Records": [
            {
                "messageId": str(number),
                "receiptHandle": f"receipt-{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def cron(detail: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A scheduled event as EventBridge delivers it.

    >>> cron()["detail-type"]
    'Scheduled Event'
    """
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:000000000000:rule/test"],
        "detail": dict(detail or {}),
    }
