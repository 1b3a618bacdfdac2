"""S3: a removed object has no size and no ETag.

Sources: Lambda's sample event of ObjectRemoved:Delete, whose object has `key` and `sequencer` and
nothing else, and S3's page on the event message's structure.  The version 2.6, which S3 writes in
all events today (one for all kinds since 2.4), is as ministack has it.
"""

from __future__ import annotations

from typing import Any

from . import records
from .visit import Visit


def recognises(event: Any, visit: Visit | None) -> bool:
    record = records.first(event)
    return record.get("eventSource") == "aws:s3" and isinstance(record.get("s3"), dict)


def event(event: Any, visit: Visit | None) -> Any:
    """
    >>> thing = {"key": "k", "size": 0, "eTag": "", "sequencer": "0A"}
    >>> record = {"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete"}
    >>> told = event({"Records": [{**record, "s3": {"object": thing}}]}, None)
    >>> told["Records"][0]["s3"]["object"]
    {'key': 'k', 'sequencer': '0A'}
    """
    return records.each(event, _mended)


def _mended(record: records.Record) -> records.Record:
    if not str(record.get("eventName")).startswith("ObjectRemoved:"):
        return record
    told = record["s3"]
    kept = {k: v for k, v in told.get("object", {}).items() if k not in ("size", "eTag")}
    return {**record, "s3": {**told, "object": kept}}


def result(result: dict[str, Any], visit: Visit | None) -> dict[str, Any]:
    return result
