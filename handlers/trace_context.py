"""The trace that an event belongs to, in W3C's words, whoever brings it: read and written here.

Sources: W3C Trace Context; the header X-Amzn-Trace-Id as AWS X-Ray's documentation has it.
"""

from __future__ import annotations

import sys
from typing import Any

_HEX = frozenset("0123456789abcdef")


def traceparent_of(context: Any) -> str:
    """What a message or request that this event causes must carry as `traceparent`; "" for none.

    The active OpenTelemetry span, where there is one, else what the event itself brought.
    """
    return _active() or brought_by(context)


def brought_by(context: Any) -> str:
    """The `traceparent` that the event came with: by its message, by a header, or as X-Ray's.

    >>> from pelton import Context, Event
    >>> context = Context()
    >>> context.event = Event(headers={"x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793"
    ...     ";Parent=53995c3f42cd8ad8;Sampled=1"})
    >>> brought_by(context)
    '00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01'
    """
    if context is None:
        return ""
    headers = context.headers
    given = getattr(context.delivery, "traceparent", "") or headers.get("traceparent", "")
    return checked(given) or from_xray(headers.get("x-amzn-trace-id", "") or context.trace)


def correlation_of(context: Any) -> str:
    """The id under which everything that one first event caused is logged; "" for none.

    >>> from pelton import Context
    >>> correlation_of(Context(request_id="7"))
    '7'
    """
    if context is None:
        return ""
    told = getattr(context.delivery, "correlation_id", "")
    return told or context.headers.get("x-correlation-id", "") or context.request_id


def checked(text: str) -> str:
    """The text when it is a `traceparent`, else "": a wrong one starts a trace of its own.

    >>> checked("00-" + "0" * 32 + "-53995c3f42cd8ad8-01")
    ''
    """
    parts = text.strip().split("-")
    if len(parts) < 4 or [len(each) for each in parts[:4]] != [2, 32, 16, 2]:
        return ""
    fine = _HEX.issuperset("".join(parts[:4])) and parts[0] != "ff"
    return "-".join(parts[:4]) if fine and parts[1].strip("0") and parts[2].strip("0") else ""


def from_xray(text: str) -> str:
    """X-Ray's header as a `traceparent`; "" where it names no parent or is none.

    >>> from_xray("Root=1-5759e988-bd862e3fe1be46a994272793")
    ''
    """
    found = dict(each.strip().partition("=")[::2] for each in text.split(";"))
    root = found.get("Root", "").removeprefix("1-").replace("-", "")
    sampled = "01" if found.get("Sampled") == "1" else "00"
    return checked(f"00-{root}-{found.get('Parent', '')}-{sampled}".lower())


def _active() -> str:
    """The span that is active here, when the process uses OpenTelemetry at all."""
    if (api := sys.modules.get("opentelemetry.trace")) is None:
        return ""
    span = api.get_current_span().get_span_context()
    if not span.is_valid:
        return ""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"
