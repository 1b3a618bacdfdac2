"""The Nuclio adapter: what Nuclio's Python wrapper calls, for HTTP and cron triggers.

It knows Nuclio and nothing of any other platform.  Nuclio hands over strings as bytes unless it is
told to decode them; both are read.  Bad input is a 4xx response; a handler's exception is raised
again, so that Nuclio answers 500 with its text.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from ..handlers.context import Context, secret_from_environment
from ..handlers.errors import InvalidInput, MalformedBody, Reject, Retry
from ..handlers.event import Event, Result
from ..handlers.function import Function
from .call import compile_call, maybe_await
from .logs import beside
from .worker import Worker, find_function, without_our_frames

Handler = Callable[[Any, Any], Any]
InitContext = Callable[[Any], None]


def entry_for(module: str, function: str, app: str = "app") -> tuple[Handler, InitContext]:
    """(handler, init_context) of a function, as a generated entry module names it."""
    return make_entry(find_function(module, function, app))


def make_entry(function: Function[..., Any]) -> tuple[Handler, InitContext]:
    """(handler, init_context) of a function for Nuclio's wrapper."""
    worker = Worker(function)
    if function.style == "nuclio":
        handle = _native(function)
    elif function.style == "lambda":
        from .foreign_lambda import lambda_style_on_nuclio

        handle = lambda_style_on_nuclio(function)
    else:
        handle = _typed(function, worker)

    def init_context(raw: Any) -> None:
        context = make_context(function, worker, raw)
        worker.begin(context)
        platform: Any = getattr(raw, "platform", None)
        if hasattr(platform, "set_termination_callback"):
            platform.set_termination_callback(lambda: worker.end(context))
            platform.set_drain_callback(lambda: worker.drain(context))

    def handler(raw: Any, event: Any) -> Any:
        try:
            return handle(raw, event)
        except Exception as error:
            raise error.with_traceback(without_our_frames(error))  # noqa: B904 - the same error

    return handler, init_context


def _native(function: Function[..., Any]) -> Handler:
    user = function.user_function
    return lambda raw, event: maybe_await(user(raw, event))


def _typed(function: Function[..., Any], worker: Worker) -> Handler:
    call = compile_call(function)

    def handle(raw: Any, nuclio_event: Any) -> Any:
        event = read_event(nuclio_event)
        context = make_context(function, worker, raw, event.id)
        worker.begin(context)
        try:
            return _response(raw, call(event, context))
        except InvalidInput as error:
            return _refusal(raw, 422, "the body does not fit", list(error.details))
        except MalformedBody as error:
            return _refusal(raw, 400, str(error), [])
        except Reject as error:
            return _refusal(raw, 422, str(error), [])
        except Retry as error:
            headers = {} if error.after is None else {"Retry-After": str(round(error.after))}
            return _refusal(raw, 503, str(error), [], headers)

    return handle


def text(value: Any) -> str:
    """A string of Nuclio's, whether it came as bytes or decoded."""
    return value.decode() if isinstance(value, bytes) else str(value or "")


def texts(values: Mapping[Any, Any] | None) -> dict[str, str]:
    return {text(name): text(value) for name, value in (values or {}).items()}


def read_event(event: Any) -> Event:
    """A nuclio_sdk event as an `Event`."""
    headers = {name.lower(): value for name, value in texts(event.headers).items()}
    kind = text(getattr(event.trigger, "kind", ""))
    body = event.body
    stamp: Any = getattr(event, "timestamp", None)
    return Event(
        body=_cron_body(body) if kind == "cron" else _http_body(body),
        id=text(event.id),
        trigger="cron" if kind == "cron" else "http",
        source=text(getattr(event.trigger, "name", "")),
        headers=headers,
        method=text(event.method),
        path=text(event.path),
        fields=texts(event.fields),
        timestamp=stamp.timestamp() if hasattr(stamp, "timestamp") else None,
        content_type=text(event.content_type) or headers.get("content-type", ""),
        raw=event,
    )


def _http_body(body: Any) -> Any:
    """Nuclio parses JSON bodies: a `str` is a JSON string then, and must not be parsed again."""
    return json.dumps(body).encode() if isinstance(body, str) else body


def _cron_body(body: Any) -> Any:
    return {} if body in (b"", "", None) else body


def _response(raw: Any, answer: Any) -> Any:
    if answer.__class__ is not Result:
        if isinstance(answer, bytes | str):
            kind = "application/octet-stream" if isinstance(answer, bytes) else "text/plain"
            return raw.Response(body=answer, content_type=kind, status_code=200)
        # A list would be read as a batch of responses, so JSON is written here.
        return raw.Response(
            body=json.dumps(answer), content_type="application/json", status_code=200
        )
    plain = _response(raw, answer.body)
    headers = dict(answer.headers)
    if answer.cookies:
        headers["Set-Cookie"] = ", ".join(answer.cookies)
    return raw.Response(
        headers=headers,
        body=plain.body,
        content_type=answer.content_type or plain.content_type,
        status_code=answer.status,
    )


def _refusal(
    raw: Any, status: int, title: str, details: list[Any], headers: dict[str, str] | None = None
) -> Any:
    return raw.Response(
        headers=headers or {},
        body=json.dumps({"error": title, "details": details}),
        content_type="application/json",
        status_code=status,
    )


# The parameters of nuclio_sdk's own logger, which a field may not be called.
RESERVED = ("self", "level", "message")


class NuclioLogger:
    """Our logger's words on Nuclio's logger: fields become its structured variables."""

    def __init__(self, logger: Any, common: Mapping[str, Any]) -> None:
        self._logger, self._common = logger, dict(common)

    def debug(self, message: str, /, **fields: Any) -> None:
        self._logger.debug_with(message, **self._fields(fields))

    def info(self, message: str, /, **fields: Any) -> None:
        self._logger.info_with(message, **self._fields(fields))

    def warning(self, message: str, /, **fields: Any) -> None:
        self._logger.warn_with(message, **self._fields(fields))

    def error(self, message: str, /, **fields: Any) -> None:
        self._logger.error_with(message, **self._fields(fields))

    def exception(self, message: str, /, **fields: Any) -> None:
        import traceback

        self.error(message, **{"trace": traceback.format_exc(), **fields})

    def _fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._common, **beside(fields, (*RESERVED, *self._common))}


def make_context(
    function: Function[..., Any], worker: Worker, raw: Any, request_id: str = ""
) -> Context:
    """The function's context from Nuclio's."""

    def invoke(name: str, payload: Any, wait: bool) -> Any:
        """Nuclio's platform always waits; without `wait` the answer is dropped."""
        import nuclio_sdk

        event = nuclio_sdk.Event(
            body=json.dumps(payload).encode(),
            content_type="application/json",
            method="POST",
            path="/",
        )
        answer = maybe_await(raw.platform.call_function(name, event))
        body = answer.body
        if isinstance(body, bytes) and answer.content_type.startswith("text/"):
            body = body.decode()
        if answer.status_code >= 400:
            raise RuntimeError(f"function {name} failed: {answer.status_code}: {body}")
        return body if wait else None

    return Context(
        function_name=os.environ.get("NUCLIO_FUNCTION_NAME", function.name),
        function_version=os.environ.get("NUCLIO_FUNCTION_VERSION", "latest"),
        request_id=request_id,
        logger=NuclioLogger(raw.logger, {"requestId": request_id} if request_id else {}),
        state=worker.state,
        secret=secret_from_environment,
        invoke=invoke,
        raw=raw,
    )


__all__ = ["NuclioLogger", "entry_for", "make_entry", "read_event"]
