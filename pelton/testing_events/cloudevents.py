"""CloudEvents over HTTP, in both of their forms, on both platforms."""

from __future__ import annotations

from typing import Any

from ..runtime.nuclio_shapes import Event
from .bodies import base64_of
from .nuclio import nuclio_http
from .requests import http_v2


def cloudevent(
    *data: Any,
    type: str = "test",
    source: str = "/test",
    id: str = "1",
    mode: str = "structured",
    path: str = "/",
    **attributes: str,
) -> dict[str, Any]:
    """A request with a CloudEvent, as a function URL or an HTTP API delivers it.

    mode: "structured", "binary", or "batched", which has one event for each of `data`, with the
          ids "1", "2", …;  attributes: further ones, as subject="7"

    >>> cloudevent({"n": 1}, mode="binary", subject="7")["headers"]["ce-subject"]
    '7'
    """
    body, headers = _cloudevent(data, mode, {"type": type, "source": source, "id": id} | attributes)
    return http_v2(body, path=path, headers=headers)


def nuclio_cloudevent(
    data: Any = None,
    *,
    type: str = "test",
    source: str = "/test",
    id: str = "1",
    path: str = "/",
    **attributes: str,
) -> Event:
    """A request with a CloudEvent in binary mode, as Nuclio's HTTP trigger delivers it.

    >>> nuclio_cloudevent({"n": 1}).headers[b"Ce-Type"]
    b'test'
    """
    said = {"type": type, "source": source, "id": id} | attributes
    body, headers = _cloudevent((data,), "binary", said)
    return nuclio_http(body, path=path, headers=headers)


def _cloudevent(
    data: tuple[Any, ...], mode: str, said: dict[str, str]
) -> tuple[Any, dict[str, str]]:
    if mode not in ("structured", "binary", "batched"):
        raise ValueError(f"mode={mode!r} is none of structured, binary, batched")
    if mode != "batched" and len(data) > 1:
        raise ValueError(f"{len(data)} events are a batch: say mode='batched'")
    said, data = {"specversion": "1.0", **said}, data or (None,) * (mode != "batched")
    if mode == "binary":
        kind = said.pop("datacontenttype", "application/json")
        return data[0], {f"ce-{name}": each for name, each in said.items()} | {"content-type": kind}
    made = [_json_event(each, said | {"id": str(n)}) for n, each in enumerate(data, 1)]
    if mode == "batched":
        return made, {"content-type": "application/cloudevents-batch+json"}
    return _json_event(data[0], said), {"content-type": "application/cloudevents+json"}


def _json_event(data: Any, said: dict[str, str]) -> dict[str, Any]:
    held = {"data_base64": base64_of(data)} if isinstance(data, bytes) else {"data": data}
    return {**said, **held}
