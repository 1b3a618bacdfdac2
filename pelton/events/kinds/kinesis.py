"""Records of a stream, as its event source mapping delivers them: one shard's, in one batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...testing_events import kinesis
from .base import Asked, Kind, as_text, many


def _send(client: Callable[[str], Any], asked: Asked) -> str:
    streams = client("kinesis")
    for body in asked.bodies:
        data = body if isinstance(body, bytes) else as_text(body).encode()
        streams.put_record(StreamName=asked.source, Data=data, PartitionKey=asked.key or "key")
    return f"{many(len(asked.bodies), 'record')} to stream {asked.source}"


KIND = Kind(
    "kinesis",
    "records of a stream, in one batch",
    lambda asked: kinesis(*asked.bodies, stream=asked.source or "stream", key=asked.key or "key"),
    takes=frozenset({"source", "key"}),
    batches=True,
    send=_send,
)
