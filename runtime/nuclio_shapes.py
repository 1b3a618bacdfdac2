"""nuclio_sdk's objects where nuclio_sdk is not: on Lambda, and in tests.

The same names, attributes and rules as in nuclio_sdk 0.6, written anew; what handlers do with the
real ones they can do with these.  Strings of an event are bytes unless the function's environment
says NUCLIO_PYTHON_DECODE_EVENT_STRINGS=true, as under Nuclio's own wrapper.  Knows no platform.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any


class TriggerInfo:
    def __init__(self, kind: Any = "", name: Any = "") -> None:
        self.kind, self.name = kind, name


class Event:
    """nuclio_sdk.Event: constructor, attributes, `get_header`, `to_json`."""

    def __init__(
        self,
        body: Any = None,
        content_type: Any = None,
        trigger: Any = None,
        fields: Any = None,
        headers: Any = None,
        _id: Any = None,
        method: Any = None,
        path: Any = None,
        size: Any = None,
        timestamp: Any = None,
        url: Any = None,
        shard_id: Any = None,
        num_shards: Any = None,
        _type: Any = None,
        type_version: Any = None,
        version: Any = None,
        last_in_batch: Any = None,
        offset: Any = None,
        topic: Any = None,
    ) -> None:
        self.body, self.content_type = body, content_type
        self.trigger = trigger or TriggerInfo()
        self.fields, self.headers = fields or {}, headers or {}
        self.id, self.method, self.path = _id, method, path or "/"
        self.size, self.timestamp, self.url = size, timestamp or 0, url
        self.shard_id, self.num_shards = shard_id, num_shards
        self.type, self.type_version, self.version = _type, type_version, version
        self.last_in_batch, self.offset, self.topic = last_in_batch or False, offset or 0, topic

    def get_header(self, header_key: Any) -> Any:
        """The header's value whatever the case of its name; None without one."""
        wanted = header_key.lower()
        return next((v for name, v in self.headers.items() if name.lower() == wanted), None)

    def to_json(self) -> str:
        import base64

        shown = {**vars(self), "trigger": vars(self.trigger)}
        if isinstance(self.body, bytes):
            shown["body"] = base64.b64encode(self.body).decode()
        named = {text(name): value for name, value in shown.items()}
        return json.dumps(named, default=str, skipkeys=True)

    def __repr__(self) -> str:
        return self.to_json()


class Response:
    """nuclio_sdk.Response: constructor, attributes, `ensure_no_ack`."""

    def __init__(
        self,
        headers: dict[str, Any] | None = None,
        body: Any = None,
        content_type: str | None = None,
        status_code: int = 200,
        event_id: Any = None,
    ) -> None:
        self.headers, self.body = headers or {}, body
        self.content_type = content_type or "text/plain"
        self.status_code, self.event_id = status_code, event_id

    def ensure_no_ack(self) -> None:
        self.headers["x-nuclio-stream-no-ack"] = True

    def __repr__(self) -> str:
        return f"Response({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class Platform:
    """nuclio_sdk.Platform: callbacks, and calls of other functions through `invoke`."""

    def __init__(self, kind: str, invoke: Callable[[str, Any], Any] | None = None) -> None:
        self.kind, self.namespace, self.invoke = kind, "", invoke
        self._drain_callback: Callable[[], Any] | None = None
        self._termination_callback: Callable[[], Any] | None = None

    def set_drain_callback(self, callback: Callable[[], Any]) -> None:
        self._drain_callback = callback

    def set_termination_callback(self, callback: Callable[[], Any]) -> None:
        self._termination_callback = callback

    def on_signal(self, kind: str) -> Any:
        """Run the callback for "drain" or "termination"; what it gives may have to be awaited."""
        callback = self._drain_callback if kind == "drain" else self._termination_callback
        return callback() if callback else None

    def call_function(self, function_name: str, event: Any, *_: Any, **__: Any) -> Response:
        """Another function's answer to the event's body; raises what its call raises."""
        if self.invoke is None:
            raise RuntimeError(f"nothing here reaches the function {function_name!r}")
        answer = self.invoke(function_name, _sent(event.body))
        return Response(body=answer, content_type="application/json")

    async def explicit_ack(self, qualified_offset: Any) -> None:
        raise RuntimeError(f"{self.kind} has no stream whose offsets are acknowledged")


def _sent(body: Any) -> Any:
    """What a call carries of an event's body: JSON where it is JSON, else its text."""
    if not isinstance(body, bytes | str):
        return body
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace") if isinstance(body, bytes) else body


class Context:
    """nuclio_sdk.Context: logger, platform, user_data, Response, worker_id, trigger."""

    def __init__(self, logger: Any, platform: Any, trigger: TriggerInfo) -> None:
        self.logger, self.platform, self.trigger = logger, platform, trigger
        self.user_data: Any = lambda: None  # an object that takes attributes, as nuclio_sdk has it
        self.Response, self.worker_id = Response, 0
        self.trigger_name = trigger.name


class Logger:
    """nuclio_sdk.Logger's words on a structured logger."""

    def __init__(self, logger: Any) -> None:
        self._logger, self._bound = logger, dict[str, Any]()

    def bind(self, **fields: Any) -> None:
        self._bound.update(fields)

    def debug(self, message: Any, *args: Any) -> None:
        self.debug_with(message, *args)

    def info(self, message: Any, *args: Any) -> None:
        self.info_with(message, *args)

    def warn(self, message: Any, *args: Any) -> None:
        self.warn_with(message, *args)

    def error(self, message: Any, *args: Any) -> None:
        self.error_with(message, *args)

    def debug_with(self, message: Any, *args: Any, **fields: Any) -> None:
        self._logger.debug(_filled(message, args), **fields | self._bound)

    def info_with(self, message: Any, *args: Any, **fields: Any) -> None:
        self._logger.info(_filled(message, args), **fields | self._bound)

    def warn_with(self, message: Any, *args: Any, **fields: Any) -> None:
        self._logger.warning(_filled(message, args), **fields | self._bound)

    def error_with(self, message: Any, *args: Any, **fields: Any) -> None:
        self._logger.error(_filled(message, args), **fields | self._bound)


def _filled(message: Any, args: tuple[Any, ...]) -> str:
    return str(message) % args if args else str(message)


def text(value: Any) -> str:
    """A string of Nuclio's, whether it came as bytes or decoded."""
    return value.decode() if isinstance(value, bytes) else str(value or "")


def strings_are_decoded() -> bool:
    """What the function's environment says of an event's strings; Nuclio's default is bytes."""
    return os.environ.get("NUCLIO_PYTHON_DECODE_EVENT_STRINGS", "").lower() == "true"


def make_event(
    *,
    kind: str,
    name: str,
    id: str = "",
    body: bytes = b"",
    content_type: str = "",
    headers: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
    method: str = "",
    path: str = "",
    url: str = "",
    timestamp: float = 0.0,
    decoded: bool = False,
) -> Event:
    """An event as the wrapper makes it of a frame: a JSON body parsed when its content type is
    exactly that, header names as Go writes them, strings as bytes unless `decoded`.

    >>> make_event(kind="http", name="http", method="POST", headers={"x-a": "b"}).headers
    {b'X-A': b'b'}
    """
    import datetime as dt

    def said(value: str) -> Any:
        return value if decoded else value.encode()

    canonical = {_canonical(each): value for each, value in (headers or {}).items()}
    return Event(
        body=_parsed(body) if content_type == "application/json" else body,
        content_type=said(content_type),
        trigger=TriggerInfo(said(kind), said(name)),
        fields={said(each): said(value) for each, value in (fields or {}).items()},
        headers={said(each): said(value) for each, value in canonical.items()},
        _id=said(id),
        method=said(method),
        path=said(path),
        size=len(body),
        timestamp=dt.datetime.fromtimestamp(int(timestamp), dt.UTC).replace(tzinfo=None),
        url=said(url),
        shard_id=-1,
        num_shards=0,
        _type=said(""),
        type_version=said(""),
        version=said(""),
        topic="" if decoded else None,
    )


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body  # as Nuclio does: what is not the JSON it claims to be stays bytes


def _canonical(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def response_of(answer: Any) -> Response:
    """What a handler may return, as the response that Nuclio makes of it; a body of JSON is text.

    A response is known by its attributes: it may be nuclio_sdk's own, where a function brings it.

    >>> response_of((202, {"a": 1})).content_type, response_of(None).body
    ('application/json', 'None')
    """
    body = answer.body if hasattr(answer, "status_code") and hasattr(answer, "body") else answer
    if hasattr(body, "__next__") or hasattr(body, "__anext__"):
        from .nuclio_pieces import joined  # few give an answer piece by piece

        whole: Response = joined(answer, response_of)
        return whole
    if hasattr(answer, "status_code") and hasattr(answer, "body"):
        body, kind = _written(answer.body) if isinstance(answer.body, dict) else (answer.body, "")
        kind = kind or getattr(answer, "content_type", "")
        return Response(getattr(answer, "headers", None), _plain(body), kind, answer.status_code)
    if isinstance(answer, tuple) and len(answer) == 2:
        status, said = answer
        body, kind = (said, "") if isinstance(said, str) else _written(said)
        return Response(body=body, content_type=kind, status_code=status)
    if isinstance(answer, dict | list):
        body, kind = _written(answer)
        return Response(body=body, content_type=kind)
    return Response(body=_plain(answer))


def _written(value: Any) -> tuple[str, str]:
    return json.dumps(value), "application/json"


def _plain(body: Any) -> str | bytes:
    return body if isinstance(body, bytes | str) else str(body)
