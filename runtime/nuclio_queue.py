"""The events of a graph's queue on Nuclio, answered when they are done: see the graph's `in_place`.

Loaded when a function has such a trigger.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..handlers.context import Context
from ..handlers.event import Event
from ..handlers.function import Function
from ..handlers.triggers.broker_handoff import BrokerHandoff

# The header by which JetStream knows a message that is sent again.
SAME = "nats-msg-id"


def queued(function: Function[..., Any]) -> Callable[[Event, Callable[[], Context]], None]:
    """(event, makes the context of a try): comes back when the event is done."""
    trigger = next(each for each in function.triggers if isinstance(each, BrokerHandoff))
    part: Any = function.user_function

    def take(event: Event, fresh: Callable[[], Context]) -> None:
        name = event.headers.get(SAME) or _place(event) or event.id
        part.answer_alone(_text(event.body), name, fresh, seconds=trigger.seconds)

    return take


def _place(event: Event) -> str:
    """Where Kafka keeps it, which is the same when it comes again."""
    if event.trigger != "kafka":
        return ""
    return f"{event.topic}/{getattr(event.raw, 'shard_id', '')}/{event.position}"


def _text(body: Any) -> str:
    """A message as it was sent; Nuclio parses what a header calls JSON."""
    if isinstance(body, bytes):
        return body.decode(errors="replace")
    return body if isinstance(body, str) else json.dumps(body)
