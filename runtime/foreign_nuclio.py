"""Nuclio-style handlers on Lambda: (context, event) with nuclio_sdk's attributes and rules."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ..handlers.context import Context
from ..handlers.errors import Retry
from ..handlers.event import Event, Result
from ..handlers.function import Function
from . import aws_events, nuclio_shapes
from .aws_records import readers
from .call import maybe_await
from .worker import Worker

MakeContext = Callable[[Function[..., Any], Worker, Any], Context]
HTTP = ("http1", "http2", "alb")


def nuclio_style_on_lambda(
    function: Function[..., Any], worker: Worker, make_context: MakeContext
) -> Callable[[Any, Any], Any]:
    """A Lambda handler that hands (context, event) to a Nuclio-style function."""
    native = worker.native = _native_context(function)
    decoded = nuclio_shapes.strings_are_decoded()

    def call(event: Event) -> nuclio_shapes.Response:
        shape = nuclio_event(event, decoded)
        return nuclio_shapes.response_of(maybe_await(function.user_function(native, shape)))

    def record(event: Event, context: Context) -> Result:
        answer = call(event)
        if answer.status_code >= 500:
            raise Retry(f"the handler answered {answer.status_code}: {str(answer.body)[:200]}")
        return _result(answer)

    records = readers(function, record)

    def handle(payload: Any, raw: Any) -> Any:
        context = make_context(function, worker, raw)
        native.logger = nuclio_shapes.Logger(context.logger)
        native.platform.invoke = context.invoke
        worker.begin(context)
        source = aws_events.source_of(payload)
        if source in records:
            return records[source].answer(payload.get("Records") or [payload], context)
        answer = call(_event(source, payload, context.request_id))
        if source in HTTP:
            return aws_events.http_reply(source, payload, _result(answer))
        return _body(answer)

    return handle


def _native_context(function: Function[..., Any]) -> nuclio_shapes.Context:
    """nuclio_sdk's context, one a worker: `user_data` and callbacks last as long as it does."""
    kind = function.triggers[0].kind if function.triggers else "http"
    trigger = nuclio_shapes.TriggerInfo(kind, kind)
    return nuclio_shapes.Context(None, nuclio_shapes.Platform("lambda"), trigger)


def nuclio_event(event: Event, decoded: bool = False) -> nuclio_shapes.Event:
    """An event as a Nuclio-style handler gets it; a direct call is a POST, as the dashboard's."""
    kind = "http" if event.trigger in ("http", "direct") else event.trigger
    body = event.body
    if not isinstance(body, bytes):
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return nuclio_shapes.make_event(
        kind=kind,
        name=event.source or kind,
        id=event.id,
        body=body,
        content_type=event.content_type,
        headers=event.headers,
        fields=event.fields,
        method=event.method,
        path=event.path,
        url=_url(event),
        timestamp=time.time() if event.timestamp is None else event.timestamp,
        decoded=decoded,
    )


def _url(event: Event) -> str:
    """Path and query as they were asked for, where the source says."""
    raw = event.raw if isinstance(event.raw, dict) else {}
    path, query = raw.get("rawPath", event.path), raw.get("rawQueryString", "")
    if event.fields and not query:
        from urllib.parse import urlencode

        query = urlencode(event.fields)
    return f"{path}?{query}" if query else path


def _event(source: str, payload: Any, request_id: str) -> Event:
    if source in HTTP:
        return aws_events.http_event(source, payload, request_id)
    if source == "cron":
        event = aws_events.cron_event(payload)
        event.body = event.body or b""
        return event
    return Event(
        body=json.dumps(payload),
        id=request_id,
        method="POST",
        path="/",
        headers={"content-type": "application/json"},
        content_type="application/json",
    )


def _result(answer: nuclio_shapes.Response) -> Result:
    headers = {name: v for name, v in answer.headers.items() if isinstance(v, str)}  # as there
    return Result(answer.body, answer.status_code, headers, answer.content_type)


def _body(answer: nuclio_shapes.Response) -> Any:
    """What a caller without HTTP gets: the body, JSON as its value."""
    if answer.content_type == "application/json" and isinstance(answer.body, str):
        try:
            return json.loads(answer.body)
        except ValueError:
            return answer.body
    return answer.body
