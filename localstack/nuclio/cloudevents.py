"""CloudEvents as Nuclio's processor hands them on: an event whose identity is the cloud event's.

Nuclio knows the names of CloudEvents 0.1 (`eventType`, `eventID`, `CE-CloudEventsVersion`, …): of a
structured event of version 1.0 it finds `source` and `data` only, and a binary one is a plain event
to it.  Source: Nuclio's public pkg/processor/cloudevent and trigger.prepareEvent.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

STRUCTURED, BINARY = "application/cloudevents", "Ce-Cloudeventsversion"
_NEVER = -62135596800  # Go's zero time, in seconds since the epoch


class NotACloudEvent(Exception):
    """The body says that it is a structured cloud event, and is none."""


def is_cloud_event(event: Mapping[str, Any]) -> bool:
    """Whether the event of a trigger carries a cloud event."""
    return event["content_type"].startswith(STRUCTURED) or bool(event["headers"].get(BINARY))


def unwrapped(event: dict[str, Any]) -> dict[str, Any]:
    """The event with the cloud event's identity and, of a structured one, its data as the body.

    Raises `NotACloudEvent`.

    >>> plain = {"content_type": "application/cloudevents+json", "headers": {}, "id": "x",
    ...          "trigger": {"kind": "http", "name": "h"},
    ...          "body": b'{"eventID": "7", "source": "shop", "data": {"n": 1}}'}
    >>> found = unwrapped(plain)
    >>> found["id"], found["trigger"]["kind"], found["body"]
    ('7', 'shop', {'n': 1})
    """
    if event["content_type"].startswith(STRUCTURED):
        return event | _structured(event["body"])
    return event | _binary(event["headers"])


def _structured(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
        # Go's JSON takes a member's name in any case.
        known = {str(name).lower(): value for name, value in said.items()}
    except (ValueError, AttributeError) as error:
        raise NotACloudEvent(f"Failed to wrap structured cloud event: {error}") from None
    data = known.get("data")
    inner = data.encode() if isinstance(data, str) else None
    return {
        "body": data if isinstance(data, dict) else inner,
        "size": len(inner or b""),
        "content_type": known.get("contenttype") or "",
        "headers": known.get("extensions") or {},
        "id": known.get("eventid") or "",
        "trigger": {"kind": known.get("source") or "", "name": ""},
        "timestamp": _seconds(known.get("eventtime")),
        "type": known.get("eventtype") or "",
        "type_version": known.get("eventtypeversion") or "",
        "version": known.get("cloudeventsversion") or "",
    }


def _binary(headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": headers.get("Ce-Eventid", ""),
        "trigger": {"kind": headers.get("Ce-Source", ""), "name": headers.get("Ce-Name", "")},
        "timestamp": _seconds(headers.get("Ce-Eventtime")),
        "type": headers.get("Ce-Eventtype", ""),
        "type_version": headers.get("Ce-Eventtypeversion", ""),
        "version": headers.get(BINARY, ""),
    }


def _seconds(text: Any) -> int:
    """A time of RFC 3339 in seconds since the epoch; Go's zero time for anything else.

    >>> _seconds("2026-01-01T00:00:00Z"), _seconds("soon")
    (1767225600, -62135596800)
    """
    try:
        when = dt.datetime.fromisoformat(str(text))
    except ValueError:
        return _NEVER
    return int(when.timestamp()) if when.tzinfo else _NEVER
