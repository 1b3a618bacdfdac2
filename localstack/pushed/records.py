"""Events that are batches of records, as S3 and SNS send them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Record = dict[str, Any]


def first(event: Any) -> Record:
    """The first record of a batch, {} where the event is none.

    >>> first({"Records": [{"a": 1}]}), first({"Records": []}), first("text")
    ({'a': 1}, {}, {})
    """
    records = event.get("Records") if isinstance(event, dict) else None
    found = records[0] if isinstance(records, list) and records else None
    return found if isinstance(found, dict) else {}


def each(event: Any, mended: Callable[[Record], Record]) -> Any:
    """The event with every record mended."""
    return {**event, "Records": [mended(record) for record in event["Records"]]}
