"""The Lambda adapter: what `awslambdaric` calls, for every source that Lambda has for us.

It knows Lambda and nothing of any other platform.  Errors: bad HTTP input is a 4xx reply; a
handler's exception is raised again, so that Lambda's own metrics, retries and dead-letter queues
see it; bad queue input follows the trigger's `on_invalid`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..handlers.context import Context, secret_from_environment
from ..handlers.errors import PeltonError
from ..handlers.event import Event
from ..handlers.function import Function
from . import aws_events
from .bootstrap import surface
from .call import Call, compile_call, maybe_await
from .refusals import as_result, logged_refusal, with_failed
from .routes import Routes
from .worker import Worker, find_function

if TYPE_CHECKING:
    from .logs import JsonLogger

Handler = Callable[[Any, Any], Any]


def handler_for(module: str, function: str, app: str = "app") -> Handler:
    """The Lambda handler of a function, as a generated entry module names it.

    The user's module is imported here, so its import errors are init errors, as on AWS.
    """
    found = find_function(module, function, app)
    if (connect := getattr(found.user_function, "connect", None)) is not None:
        connect(timeout=found.settings.timeout)  # a part of a graph: here, its queues are real
    worker = Worker(found)
    handler = make_handler(found, worker, freezes=True)
    if worker.has_ends:
        worker.on_begin = lambda: _end_at_sigterm(worker)
    return handler


def _end_at_sigterm(worker: Worker) -> None:
    from .aws_end import end_at_sigterm  # 1 ms, which no import of an artifact needs

    end_at_sigterm(worker, make_context(worker.function, worker, None))


def make_handler(
    function: Function[..., Any], worker: Worker | None = None, *, freezes: bool = False
) -> Handler:
    """The Lambda handler of a function: (event, LambdaContext) -> JSON-ready or bytes.

    freezes: whether the worker stands still between its events, as it does on Lambda

    >>> from pelton import App
    >>> from pelton.testing import lambda_context
    >>> app = App("doc")
    >>> @app.function
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> make_handler(double)(21, lambda_context())
    42
    """
    worker = worker or Worker(function)
    if function.style == "lambda":
        return surface(_native(function, worker), function)
    if function.style == "nuclio":
        from .foreign_nuclio import nuclio_style_on_lambda

        return surface(nuclio_style_on_lambda(function, worker, make_context), function)
    if function.style == "asgi":
        from .foreign_asgi_lambda import asgi_on_lambda

        return surface(asgi_on_lambda(function, worker, make_context), function)
    handler = _typed(function, worker)
    if freezes and function.hooks.settle:
        from .settle import settled

        handler = settled(handler, function, partial(make_context, function, worker))
    if function.settings.telemetry.emf:
        from .telling.emf import after_each

        handler = after_each(handler, worker, function.settings.telemetry.namespace)
    return surface(handler, function)


def _native(function: Function[..., Any], worker: Worker) -> Handler:
    user = function.user_function

    def handle(event: Any, raw: Any) -> Any:
        worker.begin(make_context(function, worker, raw))
        return maybe_await(user(event, raw))

    return handle


def _typed(function: Function[..., Any], worker: Worker) -> Handler:
    call = compile_call(function)
    batches = _record_sources(function)
    records: dict[str, Any] = {}
    if not batches.isdisjoint(each.kind for each in function.triggers):
        records = _readers(function, call)
    telemetry = function.settings.telemetry
    routes = Routes(function.triggers, telemetry.route, worker.page if telemetry.route else None)

    def handle(event: Any, raw: Any) -> Any:
        nonlocal records
        context = make_context(function, worker, raw)
        if telemetry.traces:  # the runtime client sets it anew for each event
            context.trace = os.environ.get("_X_AMZN_TRACE_ID", "")
        try:
            worker.begin(context)
            source = aws_events.source_of(event)
            if source == "direct" or (source in aws_events.ASKED and source not in batches):
                answer = call(Event(body=event, id=context.request_id, raw=event), context)
                return answer.body if hasattr(answer, "status") else answer
            if source in batches:
                records = records or _readers(function, call)
                return records[source].answer(event.get("Records") or [event], context)
            if source == "cron":
                return call(aws_events.cron_event(event), context)
            return _http(source, event, routes, call, context)
        except Exception as error:
            from .traces import log_step

            log_step(error, context)
            raise

    return handle


def _record_sources(function: Function[..., Any]) -> set[str]:
    """The sources whose events are taken apart.  A queue may be mapped to any function."""
    found = {"sqs", *(each.kind for each in function.triggers if each.kind in aws_events.ASKED)}
    return found | {"bridge" for each in function.triggers if each.bridged}


def _readers(function: Function[..., Any], call: Call) -> dict[str, Any]:
    from .aws_records import readers  # 0.5 ms, for functions that get records

    return readers(function, call)


def _http(
    source: str, payload: dict[str, Any], routes: Routes, call: Call, context: Context
) -> dict[str, Any]:
    try:
        event = aws_events.http_event(source, payload, context.request_id)
        result = routes.refuse(event) or as_result(call(event, context))
        result = with_failed(result, context)
    except PeltonError as error:
        refused = logged_refusal(error, context)
        if refused is None:
            raise
        result = refused
    return aws_events.http_reply(source, payload, result)


def make_context(function: Function[..., Any], worker: Worker, raw: Any) -> Context:
    """The function's context from Lambda's."""
    remaining = getattr(raw, "get_remaining_time_in_millis", None)
    return Context(
        function_name=getattr(raw, "function_name", "") or function.name,
        function_version=getattr(raw, "function_version", "") or "$LATEST",
        request_id=getattr(raw, "aws_request_id", "") or "",
        deadline=time.time() + remaining() / 1000 if remaining else None,
        make_logger=_logger,
        make_metrics=worker.metrics,
        state=worker.state,
        secret=_secret,
        invoke=_invoke,
        connect=_connection,
        raw=raw,
    )


def _logger(context: Context) -> JsonLogger:
    from .logs import JsonLogger  # for events that log

    delivery = context.delivery
    first = {"correlationId": delivery.correlation_id} if delivery else {}
    return JsonLogger(
        {"requestId": context.request_id, "function": context.function_name, **first},
        level=os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO"),
    )


def _secret(name: str) -> str:
    """An environment variable of that name, or what it refers to; else the secret of that name in
    Secrets Manager."""
    if name in os.environ:
        if (value := os.environ[name]).startswith("pelton+"):
            from .aws_secrets import value_of

            return value_of(name, value)
        return secret_from_environment(name)
    import boto3
    from botocore.exceptions import ClientError

    try:
        answer = boto3.client("secretsmanager").get_secret_value(SecretId=name)
    except ClientError as error:
        raise KeyError(
            f"secret {name!r} is neither an environment variable nor readable in "
            f"Secrets Manager ({error.response['Error']['Code']})"
        ) from error
    return str(answer["SecretString"])


def _connection(event: Any, id: str) -> Any:
    from .aws_websocket import connection

    return connection(event, id)


def _invoke(function: str, payload: Any, wait: bool) -> Any:
    """Another function's answer; None without `wait`.  Raises RuntimeError when it failed."""
    import json

    import boto3

    answer = boto3.client("lambda").invoke(
        FunctionName=function,
        InvocationType="RequestResponse" if wait else "Event",
        Payload=json.dumps(payload),
    )
    if not wait:
        return None
    body = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise RuntimeError(
            f"function {function} failed: {body.get('errorType')}: {body.get('errorMessage')}"
        )
    return body
