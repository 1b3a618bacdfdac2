"""An object of a bucket, as S3 tells a function of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...testing_events import s3
from .base import Asked, Kind, as_text


def _make(asked: Asked) -> dict[str, Any]:
    event = asked.members.get("event", "ObjectCreated:Put")
    size = len(_content(asked.body)) if asked.bodies else 3
    return s3(asked.key or "key", bucket=asked.source or "bucket", event=event, size=size)


def _send(client: Callable[[str], Any], asked: Asked) -> str:
    objects, key = client("s3"), asked.key or "key"
    if asked.members.get("event", "ObjectCreated:Put").startswith("ObjectRemoved"):
        objects.delete_object(Bucket=asked.source, Key=key)
        return f"s3://{asked.source}/{key} deleted"
    for body in asked.bodies or ("",):
        objects.put_object(Bucket=asked.source, Key=key, Body=_content(body))
    return f"s3://{asked.source}/{key} put"


def _content(body: Any) -> bytes:
    return body if isinstance(body, bytes) else as_text(body).encode()


KIND = Kind(
    "s3",
    "an object that was put into a bucket, or removed",
    _make,
    takes=frozenset({"source", "key"}),
    members={"event": "ObjectCreated:Put, ObjectRemoved:Delete, …"},
    send=_send,
)
