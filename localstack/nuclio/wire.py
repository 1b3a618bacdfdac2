"""What processor and worker say to each other, without a socket.

To the worker: 4 bytes of length (big-endian) and a msgpack map, one an event.  From the worker:
lines with a letter in front: `s` started, `l` a log record (JSON), `m` a measurement (JSON), `r`
the response (JSON: body, body_encoding, content_type, status_code, headers, event_id); and `d`,
which only ours says: drained.
Source: Nuclio's public processor and wrapper.
"""

from __future__ import annotations

import base64
import json
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """A worker's response; `body` is decoded."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, Any]


def event(
    *,
    kind: str,
    name: str,
    body: bytes,
    content_type: str = "",
    headers: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
    method: str = "",
    path: str = "",
    url: str = "",
    now: float,
) -> dict[str, Any]:
    """An event's map, every key present as the wrapper expects."""
    return {
        "body": body,
        "content_type": content_type,
        "trigger": {"kind": kind, "name": name},
        "fields": dict(fields or {}),
        "headers": dict(headers or {}),
        "id": str(uuid.uuid4()),
        "method": method,
        "path": path,
        "size": len(body),
        "timestamp": int(now),
        "url": url,
        "shard_id": -1,
        "num_shards": 0,
        "type": "",
        "type_version": "",
        "version": "",
        "offset": 0,
        "topic": "",
    }


def frame(packed: bytes) -> bytes:
    """A packed event with its length in front.

    >>> frame(b"abc")
    b'\\x00\\x00\\x00\\x03abc'
    """
    return struct.pack("!I", len(packed)) + packed


def reply(text: bytes) -> Reply:
    """The response that an `r` line carries."""
    said = json.loads(text)
    body = said.get("body", "")
    raw = base64.b64decode(body) if said.get("body_encoding") == "base64" else str(body).encode()
    return Reply(
        int(said.get("status_code", 200)),
        raw,
        said.get("content_type") or "text/plain",
        said.get("headers") or {},
    )


def canonical(name: str) -> str:
    """A header's name as Go writes it.

    >>> canonical("x-my-header")
    'X-My-Header'
    """
    return "-".join(part.capitalize() for part in name.split("-"))
