"""Test functions in-process, through the real call path: `invoke`, contexts, event factories.

What a platform would deliver is made by the factories; what it would get back is given back.
Nothing here starts a process; the emulator as a fixture is in `pelton.pytest_plugin`.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Collection, Mapping
from types import SimpleNamespace
from typing import Any

from .handlers.app import App
from .handlers.context import Context
from .handlers.errors import WrongUse
from .handlers.event import Event
from .handlers.function import Function
from .runtime.aws import make_handler
from .runtime.call import compile_call, maybe_await, run_async
from .runtime.logs import JsonLogger
from .runtime.nuclio import make_entry
from .runtime.nuclio_shapes import Context as NuclioContext
from .runtime.nuclio_shapes import Logger, Platform, Response, TriggerInfo, response_of
from .runtime.worker import Worker
from .testing_events import (
    alb,
    amazon_mq,
    bridged_cron,
    bridged_dynamodb,
    bridged_kinesis,
    bridged_sqs,
    cloudevent,
    cron,
    directory,
    dynamodb,
    eventbridge,
    http_v1,
    http_v2,
    kafka,
    kinesis,
    mqtt,
    nats,
    nuclio_bridged,
    nuclio_cloudevent,
    nuclio_cron,
    nuclio_http,
    nuclio_kafka,
    nuclio_mqtt,
    nuclio_nats,
    nuclio_rabbitmq,
    postgres,
    rabbitmq,
    redis,
    s3,
    sns,
    source,
    sqs,
    websocket,
    websocket_api,
)

__all__ = [
    "advance",
    "alb",
    "amazon_mq",
    "bridged_cron",
    "bridged_dynamodb",
    "bridged_kinesis",
    "bridged_sqs",
    "cloudevent",
    "cron",
    "directory",
    "dynamodb",
    "eventbridge",
    "http_v1",
    "http_v2",
    "invoke",
    "kafka",
    "kinesis",
    "lambda_context",
    "make_context",
    "mqtt",
    "nats",
    "nuclio_bridged",
    "nuclio_cloudevent",
    "nuclio_cron",
    "nuclio_http",
    "nuclio_kafka",
    "nuclio_mqtt",
    "nuclio_nats",
    "nuclio_rabbitmq",
    "on_lambda",
    "on_nuclio",
    "postgres",
    "rabbitmq",
    "redis",
    "s3",
    "sns",
    "source",
    "sqs",
    "websocket",
    "websocket_api",
]


def make_context(
    name: str = "test",
    *,
    secrets: Mapping[str, str] | None = None,
    answers: Mapping[str, Any] | None = None,
    lines: list[str] | None = None,
    remaining: float | None = None,
    state: SimpleNamespace | None = None,
    sent: list[tuple[str, Any]] | None = None,
    gone: Collection[str] = (),
) -> Context:
    """A context for tests.

    secrets: what `context.secret` knows; answers: what `context.invoke` gives, by function name;
    lines: collects what is logged; remaining: seconds that `remaining_time` says;
    sent: collects what is sent to connections, with their ids; gone: those where nobody is.

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
        connect=lambda event, id: _Connected(id or event.key, sent, gone),
        clock=lambda: 0.0,
    )


class _Connected:
    """A client of a WebSocket API that is none."""

    def __init__(self, id: str, sent: list[tuple[str, Any]] | None, gone: Collection[str]) -> None:
        self.id, self.is_open = id, id not in gone
        self._sent = sent if sent is not None else []

    def send(self, body: Any) -> bool:
        if self.is_open:
            self._sent.append((self.id, body))
        return self.is_open

    def close(self) -> bool:
        was, self.is_open = self.is_open, False
        return was


def invoke(
    fn: Function[..., Any] | Callable[..., Any],
    body: Any = None,
    *,
    context: Context | None = None,
) -> Any:
    """Run a function on one event through the real call path; its encoded answer.

    body: a JSON-ready value, bytes, str, or a whole `Event`.  A bare function is taken as one
    without settings.  Hooks: init before, stop after.  Of a graph that gives a stream, the list of
    its items.  Raises `WrongUse` for a native style.

    >>> def double(n: int) -> int:
    ...     return 2 * n
    >>> invoke(double, 4)
    8
    """
    function = fn if isinstance(fn, Function) else App("test").function(fn)
    if function.style is not None:
        raise WrongUse(
            f"function {function.name} has style={function.style!r}: it takes a platform's own "
            "event, and invoke() has none",
            advice="use testing.on_lambda(fn, testing.http_v2(…)) or "
            "testing.on_nuclio(fn, testing.nuclio_http(…))",
        )
    context = context or make_context(function.name)
    worker = Worker(function)
    worker.begin(context)
    try:
        event = body if isinstance(body, Event) else Event(body=body, id=context.request_id)
        streams = function.codec is not None and function.codec.streams
        call = _gather(function) if streams else compile_call(function)
        answer = call(event, context)
    finally:
        worker.end(context)
    return answer


def _gather(function: Function[..., Any]) -> Callable[[Event, Context], Any]:
    """The call path of a function that gives a stream: all of its items, encoded."""
    codec = function.codec
    assert codec is not None

    async def items(event: Event, context: Context) -> Any:
        answer = function.user_function(*codec.decode(event, context))
        answer = await answer if codec.is_async else answer
        if hasattr(answer, "__anext__"):
            return [codec.encode_item(each) async for each in answer]
        if hasattr(answer, "__next__"):
            return [codec.encode_item(each) for each in answer]
        return codec.encode(answer)

    return lambda event, context: run_async(items(event, context))


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


def on_nuclio(fn: Function[..., Any], event: Any, *, lines: list[str] | None = None) -> Response:
    """Run a function on what Nuclio delivers; the response that Nuclio would send.

    event: of `nuclio_http` or `nuclio_cron`, or a nuclio_sdk.Event; lines: collects what is logged

    >>> from pelton import App
    >>> app = App("doc")
    >>> @app.function
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> on_nuclio(double, nuclio_http(21)).body
    '42'
    """
    logger = JsonLogger({}, level="DEBUG", write=(lines if lines is not None else []).append)
    raw = NuclioContext(Logger(logger), Platform("test"), TriggerInfo("http", "http"))
    handler, init_context = make_entry(fn)
    maybe_await(init_context(raw))
    return response_of(maybe_await(handler(raw, event)))


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
