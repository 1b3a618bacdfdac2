"""`Event` and `Result`: the only shapes between a platform's adapter and the call path.

An adapter makes an `Event` from what its platform delivers; the call path gives back a
`Result`; the adapter turns that into its platform's reply.  Neither knows a platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_NOTHING: Mapping[str, str] = {}


@dataclass(slots=True)
class Event:
    """One event, whatever brought it.

    body:         what the source delivered: a parsed JSON value where the source delivers JSON
                  (or its content type says so), else `bytes` or `str`
    id:           the source's id of the event (request id, message id)
    trigger:      the kind: "direct", "http", "sqs", "cron"
    source:       the source's own name (queue ARN, trigger name); "" where there is none
    headers:      lower-cased names (HTTP headers, message attributes)
    method, path, fields: of an HTTP request; `fields` are the query's
    timestamp:    seconds since the epoch when the event was made, where the source says
    position:     place in the source (receipt handle, offset), where it has one
    content_type: as delivered; "" where the source has none
    raw:          the platform's own object, untouched

    >>> Event(body={"a": 1}, id="1").body["a"]
    1
    """

    body: Any = None
    id: str = ""
    trigger: str = "direct"
    source: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    method: str = ""
    path: str = ""
    fields: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    timestamp: float | None = None
    position: str | None = None
    content_type: str = ""
    raw: Any = None


@dataclass(slots=True)
class Result:
    """An answer.  Return one from a function to set status, headers or content type.

    body:         already encoded when it leaves the call path: a JSON-ready value, `bytes` or `str`
    status:       HTTP status; sources that have none ignore it
    content_type: "" lets the body decide: JSON values "application/json", `str` "text/plain",
                  `bytes` "application/octet-stream"

    >>> Result({"ok": True}, status=201).status
    201
    """

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    content_type: str = ""
    cookies: tuple[str, ...] = ()


Response = Result
