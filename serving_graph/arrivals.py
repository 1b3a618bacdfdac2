"""How an event comes to a part of a graph: as which value, and known by which key."""

from __future__ import annotations

from typing import Any

from ..handlers.delivery import Delivery
from ..handlers.event import Event
from ..handlers.trace_context import brought_by
from .digest import digest
from .message import Message


def message_of(value: Any) -> Message:
    """What a child function is called with directly: a message, or the value that one carries."""
    if not isinstance(value, Event):
        return Message.of(value, "")
    body = value.body
    if isinstance(body, (bytes, str)) and value.trigger != "direct":
        return Message.from_text(body, value.id)
    return Message.of(body, value.id)


def with_delivery(context: Any) -> Any:
    """The context of a graph's first function: its request is the key, unless the caller says one.

    A queue's message has its own id, which is the same when it comes again; so has an HTTP request
    with the header `idempotency-key`.
    """
    if context is None or context.delivery is not None:
        return context
    event = context.event
    if isinstance(event, list) and event and all(isinstance(each, Event) for each in event):
        return _with_batch(context, event)
    event = event if isinstance(event, Event) else None
    headers = event.headers if event else {}
    first = (event.id if event else "") or context.request_id or _new_id()
    key = headers.get("idempotency-key") or first
    attributes = event.raw.get("attributes") if event and isinstance(event.raw, dict) else None
    attempt = int((attributes or {}).get("ApproximateReceiveCount", 1))
    trace = brought_by(context)
    return context.delivered(Delivery(key, first, attempt, trace))


def _with_batch(context: Any, events: list[Event]) -> Any:
    """A batch is one event: what it is known by are the ids of its messages, whatever their order.

    A message that comes again in another company is another event, then.
    """
    ids = sorted(each.id for each in events)
    key = ids[0] if len(ids) == 1 else digest(ids)
    attempts = [(each.raw or {}).get("attributes") or {} for each in events]
    attempt = max(int(each.get("ApproximateReceiveCount", 1)) for each in attempts)
    return context.delivered(Delivery(key, context.request_id or key, attempt))


def _new_id() -> str:
    from uuid import uuid4

    return str(uuid4())
