"""The Nuclio adapter: what Nuclio's Python wrapper calls, for HTTP and cron triggers.

It knows Nuclio and nothing of any other platform.  Nuclio hands over strings as bytes unless it is
told to decode them; both are read.  Bad input is a 4xx response; a handler's exception is the 500
that Nuclio's wrapper would make of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from ..handlers.context import Context
from ..handlers.errors import PeltonError
from ..handlers.event import Event
from ..handlers.function import Function
from .call import compile_call
from .nuclio_context import NuclioLogger, make_context
from .nuclio_replies import failure, response
from .nuclio_shapes import text
from .refusals import as_result, logged_refusal, with_failed
from .routes import Routes
from .worker import Worker, find_function, native_init

Handler = Callable[[Any, Any], Any]
InitContext = Callable[[Any], Any]
CO_COROUTINE = 128
# Nuclio's words for triggers, and ours; all others are requests.
KINDS = {
    "cron": "cron",
    "kafka-cluster": "kafka",
    "mqtt": "mqtt",
    "nats": "nats",
    "natsjetstream": "nats",
    "rabbit-mq": "rabbitmq",
    "rabbitMq": "rabbitmq",
}
# Kinds of triggers that bring the events of a graph's queues.
HANDOFFS = ("natsjetstream", "kafka-cluster")
# The header that a bridge of ours marks its requests with.
BRIDGED = "x-pelton-bridge"


def entry_for(module: str, function: str, app: str = "app") -> tuple[Handler, InitContext]:
    """(handler, init_context) of a function, as a generated entry module names it."""
    found = find_function(module, function, app)
    if (connect := getattr(found.user_function, "connect", None)) is not None:
        connect(timeout=found.settings.timeout)  # a part of a graph: here, its queues are real
    handler, init_context = make_entry(found)
    # Nuclio's wrapper looks for init_context in the module that the handler says it is of.
    handler.__module__ = sys._getframe(1).f_globals["__name__"]
    return handler, init_context


def make_entry(function: Function[..., Any]) -> tuple[Handler, InitContext]:
    """(handler, init_context) of a function for Nuclio's wrapper.

    Where the user's own are coroutine functions of Nuclio's style, so are these: the wrapper's loop
    runs them.
    """
    worker = Worker(function)
    if function.style == "nuclio":
        return _native(function), _init(worker, native_init(function))
    if function.style == "lambda":
        from .foreign_lambda import lambda_style_on_nuclio

        handle = lambda_style_on_nuclio(function)
    elif function.style == "asgi":
        from .foreign_asgi_nuclio import asgi_on_nuclio

        handle = asgi_on_nuclio(function, worker)
    else:
        handle = _typed(function, worker)
    batches: Any = None

    def handler(raw: Any, event: Any) -> Any:
        nonlocal batches
        try:
            if event.__class__ is list:
                if batches is None:
                    from .nuclio_batch import Batches

                    batches = Batches(function, worker, handle)
                return batches.answer(raw, event)
            return handle(raw, event)
        except Exception as error:
            return failure(raw, error, function)

    return handler, _init(worker, None)


def _init(worker: Worker, theirs: Callable[[Any], Any] | None) -> InitContext:
    def begin(raw: Any) -> None:
        worker.begin(make_context(worker.function, worker, raw))

    def init_context(raw: Any) -> None:
        begin(raw)
        if theirs is not None:
            theirs(raw)
        _call_back(worker, raw)

    async def init_context_async(raw: Any) -> None:
        begin(raw)
        assert theirs is not None
        await theirs(raw)
        _call_back(worker, raw)

    return init_context_async if _is_async(theirs) else init_context


def _call_back(worker: Worker, raw: Any) -> None:
    """Have the hooks run when Nuclio drains or ends the worker, after what the user set there."""
    platform: Any = getattr(raw, "platform", None)
    if not worker.has_ends or not hasattr(platform, "set_termination_callback"):
        return
    context = make_context(worker.function, worker, raw)

    def after(theirs: Callable[[], Any] | None, ours: Callable[[Context], None]) -> Any:
        def callback() -> Any:
            said = theirs() if theirs else None
            ours(context)
            return said

        return callback

    theirs = getattr(platform, "_drain_callback", None)
    platform.set_drain_callback(after(theirs, worker.drain))
    theirs = getattr(platform, "_termination_callback", None)
    platform.set_termination_callback(after(theirs, worker.end))


def _native(function: Function[..., Any]) -> Handler:
    user = function.user_function

    def handler(raw: Any, event: Any) -> Any:
        try:
            return user(raw, event)
        except Exception as error:
            return failure(raw, error, function)

    async def handler_async(raw: Any, event: Any) -> Any:
        try:
            return await user(raw, event)
        except Exception as error:
            return failure(raw, error, function)

    return handler_async if _is_async(user) else handler


def _is_async(function: Any) -> bool:
    return bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & CO_COROUTINE)


def _typed(function: Function[..., Any], worker: Worker) -> Handler:
    call = compile_call(function)
    route = function.settings.telemetry.route
    routes = Routes(function.triggers, route, worker.page if route else None)
    bridged = any(each.bridged for each in function.triggers)
    take: Any = None
    if any(each.kind in HANDOFFS for each in function.triggers):
        from .nuclio_queue import queued

        take = queued(function)

    def handle(raw: Any, nuclio_event: Any) -> Any:
        event = read_event(nuclio_event)
        context = make_context(function, worker, raw, event.id)
        worker.begin(context)
        try:
            if take is not None and event.trigger in ("nats", "kafka"):
                return response(
                    raw, take(event, lambda: make_context(function, worker, raw, event.id))
                )
            if bridged and BRIDGED in event.headers:
                return response(raw, as_result(_from_bridge(function, call, event, context)))
            refused = routes.refuse(event) if event.trigger == "http" else None
            answer = refused or call(event, context)
            if context.has_failed:
                answer = with_failed(as_result(answer), context)
            return response(raw, answer)
        except PeltonError as error:
            refused = logged_refusal(error, context)
            if refused is None:
                raise
            return response(raw, refused)

    return handle


def _from_bridge(
    function: Function[..., Any], call: Any, event: Event, context: Context
) -> dict[str, Any]:
    from .bridged import BridgedRecords

    return BridgedRecords(function, call).answer(event.body["Records"], context)


def texts(values: Mapping[Any, Any] | None) -> dict[str, str]:
    return {text(name): text(value) for name, value in (values or {}).items()}


def read_event(event: Any) -> Event:
    """A nuclio_sdk event as an `Event`."""
    headers = {name.lower(): value for name, value in texts(event.headers).items()}
    kind = KINDS.get(text(getattr(event.trigger, "kind", "")), "http")
    path = text(event.path)
    body = event.body
    stamp: Any = getattr(event, "timestamp", None)
    return Event(
        body=_cron_body(body) if kind == "cron" else _http_body(body),
        id=text(event.id),
        trigger=kind,
        source=text(getattr(event.trigger, "name", "")),
        headers=headers,
        method=text(event.method),
        path=path,
        fields=texts(event.fields),
        timestamp=_seconds(stamp),
        content_type=text(event.content_type) or headers.get("content-type", ""),
        raw=event,
        position=str(event.offset) if kind == "kafka" else None,
        topic="" if kind in ("cron", "http") else _topic(kind, event, path),
    )


def _topic(kind: str, event: Any, path: str) -> str:
    """Where it was sent; of RabbitMQ the path is the exchange and the routing key."""
    if kind == "rabbitmq":
        return path.partition("/")[2]
    return text(getattr(event, "topic", "")) or path


def _seconds(stamp: Any) -> float | None:
    """A time in seconds since the epoch; None for Go's zero time, the first second of year 1."""
    return stamp.timestamp() if getattr(stamp, "year", 1) > 1 else None


def _http_body(body: Any) -> Any:
    """Nuclio parses JSON bodies: a `str` is a JSON string then, and must not be parsed again."""
    return json.dumps(body).encode() if isinstance(body, str) else body


def _cron_body(body: Any) -> Any:
    return {} if body in (b"", "", None) else body


__all__ = ["NuclioLogger", "entry_for", "make_entry", "read_event"]
