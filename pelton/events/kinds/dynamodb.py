"""Changes of a table's items, as the event source mapping of its stream delivers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...testing_events import dynamodb, typed_item
from .base import Asked, CannotMake, Kind, many


def _make(asked: Asked) -> dict[str, Any]:
    items, key = [_item(each) for each in asked.bodies], asked.key or "id"
    for each in items:
        if key not in each:
            raise CannotMake(f"the item has no member {key!r}, which is its key: say --key NAME")
    return dynamodb(*items, table=asked.source or "table", key=key)


def _send(client: Callable[[str], Any], asked: Asked) -> str:
    table = client("dynamodb")
    for each in asked.bodies:
        table.put_item(TableName=asked.source, Item=typed_item(_item(each)))
    return f"{many(len(asked.bodies), 'item')} put into table {asked.source}"


def _item(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise CannotMake(f"an item of a table is a JSON object, not {body!r}")
    return body


KIND = Kind(
    "dynamodb",
    "changes of a table: items that are new",
    _make,
    takes=frozenset({"source", "key"}),
    batches=True,
    send=_send,
)
