"""The changes of a table, from its stream: in order, up to the first that fails, as `aws_shards`.

Values come in DynamoDB's own JSON, each with its type; functions get plain JSON.  Loaded when a
function has such a trigger.
Source: DynamoDB's developer guide, "Data types"; API reference, "StreamRecord".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..handlers.event import Event
from ..handlers.function import Function
from ..handlers.triggers.dynamodb import DynamoDb, table_name
from .aws_shards import ShardRecords

TTL = "dynamodb.amazonaws.com"  # who removes what has outlived its time


class ChangeRecords(ShardRecords):
    """Answers batches of a table's stream for one function."""

    def _sources(self, function: Function[..., Any]) -> dict[str, Any]:
        return {each.name: each for each in function.triggers if isinstance(each, DynamoDb)}

    def _trigger(self, record: dict[str, Any]) -> Any:
        return self._triggers.get(table_name(record.get("eventSourceARN", "")))

    def _id(self, record: dict[str, Any]) -> str:
        return str(record["dynamodb"]["SequenceNumber"])

    def _named(self, record: dict[str, Any]) -> dict[str, str]:
        return {"sequenceNumber": self._id(record), "event": record.get("eventName", "")}

    def _event(self, record: dict[str, Any]) -> Event:
        return change_event(record)

    def _content(self, record: dict[str, Any]) -> bytes:
        return json.dumps(change_event(record).body).encode()

    def _key(self, record: dict[str, Any]) -> str:
        return change_event(record).key


def change_event(record: dict[str, Any]) -> Event:
    """One change; its body is a `TableChange`.

    >>> keys = {"id": {"S": "7"}}
    >>> change_event({"eventName": "REMOVE", "dynamodb": {"Keys": keys}}).body["keys"]
    {'id': '7'}
    """
    told = record["dynamodb"]
    keys = plain_item(told.get("Keys") or {})
    at = float(told.get("ApproximateCreationDateTime") or 0)
    by = (record.get("userIdentity") or {}).get("principalId", "")
    body = {
        "event": record.get("eventName", ""),
        "keys": keys,
        "new": plain_item(told["NewImage"]) if "NewImage" in told else None,
        "old": plain_item(told["OldImage"]) if "OldImage" in told else None,
        "time": at,
        "by": "ttl" if by == TTL else "user",
    }
    return Event(
        body=body,
        id=record.get("eventID", ""),
        trigger="dynamodb",
        source=record.get("eventSourceARN", ""),
        timestamp=at or None,
        position=told.get("SequenceNumber"),
        key=json.dumps(keys, sort_keys=True),
        raw=record,
    )


def plain_item(item: dict[str, Any]) -> dict[str, Any]:
    """An item as plain JSON.

    >>> plain_item({"n": {"N": "7"}, "tags": {"SS": ["a"]}, "more": {"M": {"x": {"NULL": True}}}})
    {'n': 7, 'tags': ['a'], 'more': {'x': None}}
    """
    return {name: plain(value) for name, value in item.items()}


def plain(value: dict[str, Any]) -> Any:
    """A value of DynamoDB's JSON as plain JSON; raises `ValueError` for a type it has not."""
    ((kind, inner),) = value.items()
    if kind not in _PLAIN:
        raise ValueError(f"DynamoDB has no type {kind!r}: {str(value)[:200]}")
    return _PLAIN[kind](inner)


def number(text: str) -> int | float | str:
    """A number of up to 38 digits; as its own text where a float would be another number.

    >>> number("7"), number("-0.5"), number("1E+2"), number("0.1234567890123456789")
    (7, -0.5, 100, '0.1234567890123456789')
    """
    try:
        return int(text)
    except ValueError:
        from decimal import Decimal  # most numbers are whole

    exact, near = Decimal(text), float(text)
    if exact == exact.to_integral_value() and exact.adjusted() < 38:
        return int(exact)
    return near if Decimal(repr(near)) == exact else text


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "N": number,
    "B": str,
    "BOOL": bool,
    "NULL": lambda _: None,
    "M": plain_item,
    "L": lambda values: [plain(each) for each in values],
    "SS": list,
    "NS": lambda values: [number(each) for each in values],
    "BS": list,
}
