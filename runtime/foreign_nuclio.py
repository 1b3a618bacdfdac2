"""Nuclio-style handlers on Lambda: events and contexts with nuclio_sdk's attributes.

nuclio_sdk is not on Lambda, so these are shapes of our own with the same names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ..handlers.event import Event, Result
from ..handlers.function import Function
from . import aws_events
from .call import maybe_await
from .worker import Worker

MakeContext = Callable[[Function[..., Any], Worker, Any], Any]


class Response:
    """nuclio_sdk.Response's constructor and attributes."""

    def __init__(
        self,
        headers: dict[str, Any] | None = None,
        body: Any = None,
        content_type: str | None = None,
        status_code: int = 200,
        event_id: str | None = None,
    ) -> None:
        self.headers, self.body = headers or {}, body
        self.content_type = content_type or "text/plain"
        self.status_code, self.event_id = status_code, event_id


class Logger:
    """nuclio_sdk's logger words on our structured logger."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def debug(self, message: Any, *args: Any) -> None:
        self._logger.debug(_filled(message, args))

    def info(self, message: Any, *args: Any) -> None:
        self._logger.info(_filled(message, args))

    def warn(self, message: Any, *args: Any) -> None:
        self._logger.warning(_filled(message, args))

    warning = warn

    def error(self, message: Any, *args: Any) -> None:
        self._logger.error(_filled(message, args))

    def debug_with(self, message: Any, *args: Any, **fields: Any) -> None:
        self._logger.debug(_filled(message, args), **fields)

    def info_with(self, message: Any, *args: Any, **fields: Any) -> None:
        self._logger.info(_filled(message, args), **fields)

    def warn_with(self, message: Any, *args: Any, **fields: Any) -> None:
        self._logger.warning(_filled(message, args), **fields)

    warning_with = warn_with

    def error_with(self, message: Any, *args: Any, **fields: Any) -> None:
        self._logger.error(_filled(message, args), **fields)


def _filled(message: Any, args: tuple[Any, ...]) -> str:
    return str(message) % args if args else str(message)


def nuclio_style_on_lambda(
    function: Function[..., Any], worker: Worker, make_context: MakeContext
) -> Callable[[Any, Any], Any]:
    """A Lambda handler that hands (context, event) to a Nuclio-style function."""
    user_data = SimpleNamespace()

    def handle(payload: Any, raw: Any) -> Any:
        context = make_context(function, worker, raw)
        worker.begin(context)
        source = aws_events.source_of(payload)
        platform = SimpleNamespace(
            kind="lambda",
            call_function=lambda name, event, *_: Response(
                body=context.invoke(name, event.body), content_type="application/json"
            ),
        )
        native = SimpleNamespace(
            logger=Logger(context.logger),
            user_data=user_data,
            Response=Response,
            worker_id="0",
            trigger=SimpleNamespace(kind=source, name=source),
            trigger_name=source,
            platform=platform,
        )
        if source == "sqs":
            for record in payload["Records"]:
                _call(function, native, aws_events.sqs_event(record))
            return {"batchItemFailures": []}
        answer = _call(function, native, _event(source, payload, context.request_id))
        if source in ("http1", "http2", "alb"):
            return aws_events.http_reply(source, payload, _result(answer))
        return answer.body if isinstance(answer, Response) else answer

    return handle


def _call(function: Function[..., Any], native: Any, event: Event) -> Any:
    body = event.body
    if isinstance(body, bytes) and event.content_type == "application/json":
        try:
            body = json.loads(body)
        except ValueError:
            pass  # as Nuclio does: a body that is not the JSON it claims stays bytes
    shape = SimpleNamespace(
        body=body.encode() if isinstance(body, str) else body,
        content_type=event.content_type,
        trigger=native.trigger,
        fields=dict(event.fields),
        headers=dict(event.headers),
        id=event.id,
        method=event.method,
        path=event.path or "/",
        size=len(body) if isinstance(body, bytes | str) else 0,
        timestamp=event.timestamp or 0,
        url=event.path,
        type="",
        type_version="",
        version="",
        shard_id=None,
        num_shards=None,
        offset=0,
        topic="",
    )
    return maybe_await(function.user_function(native, shape))


def _event(source: str, payload: Any, request_id: str) -> Event:
    if source in ("http1", "http2", "alb"):
        return aws_events.http_event(source, payload, request_id)
    if source == "cron":
        return aws_events.cron_event(payload)
    return Event(body=payload, id=request_id, content_type="application/json")


def _result(answer: Any) -> Result:
    """What a Nuclio handler may return, as an HTTP result: Response, (status, body), a body."""
    if isinstance(answer, Response):
        json_body = isinstance(answer.body, dict | list)
        return Result(
            answer.body,
            answer.status_code,
            {name: str(value) for name, value in answer.headers.items()},
            "application/json" if json_body else answer.content_type,
        )
    if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], int):
        return Result(answer[1], answer[0])
    return Result("None" if answer is None else answer)
