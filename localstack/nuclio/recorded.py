"""What a recording has of a Nuclio function's calls: events and responses in words of HTTP.

Source of the members' names: the processor's frames (`wire`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..recordings import Recordings
from . import wire

_LEFT_OUT = ("id", "timestamp", "size")  # of the delivery, not of the event
Event = Mapping[str, Any]
Note = Callable[[Event | Sequence[Event], Sequence[wire.Reply], float], None]


def noting(recordings: Recordings, function: str) -> Note:
    """Tells the recordings of a function's calls, where there is one."""

    def note(events: Event | Sequence[Event], replies: Sequence[wire.Reply], took: float) -> None:
        if not recordings.any:
            return
        all_of_them = [events] if isinstance(events, Mapping) else events
        for event, reply in zip(all_of_them, replies, strict=False):
            error = "" if reply.status < 500 else str(reply.status)
            recordings.note(
                "nuclio",
                function,
                _told(event),
                _answer(reply),
                error,
                took,
                request_id=event["id"],
            )

    return note


def _told(event: Event) -> bytes:
    members = {name: each for name, each in event.items() if name not in _LEFT_OUT}
    return json.dumps({**members, "body": _text(event["body"])}, default=str).encode()


def _answer(reply: wire.Reply) -> bytes:
    told = {
        "status": reply.status,
        "content_type": reply.content_type,
        "body": _text(reply.body),
    }
    return json.dumps(told, default=str).encode()


def _text(body: Any) -> Any:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else body
