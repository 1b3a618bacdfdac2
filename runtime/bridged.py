"""Messages that a bridge of ours brings, on either platform: each answered for itself.

The batch and its answer have the form of Lambda's partial batches, with what the bridge needs
beside it: why a message failed, whether it may come again, and when.  Of one lane, nothing is begun
behind a message that failed.  Loaded when a function has a trigger of a broker.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from typing import Any

from ..handlers.context import Context
from ..handlers.errors import InvalidInput, MalformedBody
from ..handlers.event import Event
from ..handlers.function import Function
from .aws_events import BRIDGE, kinesis_event, sqs_event
from .aws_records import SPARE, Batch, Records
from .call import Call
from .refusals import after_of, as_result, verdict


class BridgedRecords(Records):
    """Answers batches of a bridge for one function."""

    def __init__(self, function: Function[..., Any], call: Call) -> None:
        super().__init__(function, call)
        self._said: dict[str, dict[str, Any]] = {}
        self._given: list[dict[str, Any]] = []

    def _sources(self, function: Function[..., Any]) -> dict[str, Any]:
        return {}

    def _named(self, record: dict[str, Any]) -> dict[str, str]:
        return {"messageId": record["messageId"], "topic": record.get("topic", "")}

    def _event(self, record: dict[str, Any]) -> Event:
        if record.get("kind") == "dynamodb":
            from .aws_changes import change_event

            return change_event(json.loads(record["body"]))
        if record.get("kind") == "sqs":
            return sqs_event(json.loads(record["body"]))
        if record.get("kind") == "kinesis":
            return kinesis_event(json.loads(record["body"]))
        return bridged_event(record)

    def answer(self, records: list[dict[str, Any]], context: Context) -> dict[str, Any]:
        """`{"batchItemFailures": [{"itemIdentifier", "reason", "after", "never", "begun"}]}`.

        Of records that ask for an answer also `"answers": [{"itemIdentifier", "body"}]`.
        """
        self._said, self._given = {}, []
        asked = any(each.get("answers") for each in records)
        late = (context.remaining_time() or SPARE * 2) < SPARE
        if self._item:
            self._all(records, context)
        elif self._many and not (late or asked) and not any(each.get("lane") for each in records):
            self._together(records, context)
        else:
            self._each(records, context)
        told = {"batchItemFailures": list(self._said.values())}
        return {**told, "answers": self._given} if asked else told

    def _each(self, records: list[dict[str, Any]], context: Context) -> None:
        behind = set[str]()
        for record in records:
            lane = record.get("lane", "")
            late = (context.remaining_time() or SPARE * 2) < SPARE
            if late or (lane and lane in behind):
                self._say(record, "not begun", begun=False)
            elif not self._one(record, context):
                behind.add(lane)

    def _all(self, records: list[dict[str, Any]], context: Context) -> None:
        """A `list[T]` function: bad ones are sorted out, the rest is one call."""
        batch = Batch()
        for record in records:
            try:
                event = self._event(record)
                batch.values.append(self._item(event))
                batch.append(event)
            except (InvalidInput, MalformedBody) as error:
                self._answered(record, error, context)
        if batch:
            given = self._whole(batch, context)
            if records[0].get("answers"):
                self._give(records[0], given)

    def _one(self, record: dict[str, Any], context: Context) -> bool:
        try:
            given = self._call(self._event(record), context)
            if record.get("answers"):
                self._give(record, given)
        except Exception as error:
            # One record's failure must not fail the others: whatever it is, it is answered for.
            return self._answered(record, error, context)
        return True

    def _give(self, record: dict[str, Any], given: Any) -> None:
        """Keep what goes back to who sent it."""
        body = as_result(given).body
        if body is not None:
            self._given.append({"itemIdentifier": self._id(record), **_content(body)})

    def _answered(self, record: dict[str, Any], error: Exception, context: Context) -> bool:
        kind, action = verdict(error), self._on_invalid(record)
        if kind == "failed":
            self._failed(record, error, context)
        else:
            context.logger.warning(f"message {kind}", **self._named(record), reason=str(error))
        if kind == "invalid" and action == "drop":
            return True
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        after = after_of(error) if kind == "later" else None
        never = kind == "reject" or (kind == "invalid" and action == "dead_letter")
        self._say(record, said, never=never, after=after)
        return False

    def _on_invalid(self, record: dict[str, Any]) -> str:
        """What the record's trigger makes of one that does not fit, where it says."""
        for each in self._function.triggers:
            if each.kind == record.get("kind") and getattr(each, "name", "") == record["source"]:
                return str(getattr(each, "on_invalid", "dead_letter"))
        return "dead_letter"

    def _say(self, record: dict[str, Any], reason: str, **more: Any) -> None:
        id = self._id(record)
        told = {name: value for name, value in more.items() if value or name == "begun"}
        self._said[id] = {"itemIdentifier": id, "reason": reason, **told}


def _content(body: Any) -> dict[str, str]:
    """Text as it is, bytes in base64, all else as JSON."""
    if isinstance(body, bytes):
        return {"bodyBase64": binascii.b2a_base64(body, newline=False).decode()}
    return {"body": body if isinstance(body, str) else json.dumps(body)}


def record(
    kind: str,
    source: str,
    id: str,
    body: bytes,
    *,
    topic: str = "",
    key: str = "",
    lane: str = "",
    position: str = "",
    timestamp: float | None = None,
    attempt: int = 1,
    headers: Mapping[str, str] | None = None,
    answers: bool = False,
) -> dict[str, Any]:
    """One message as a bridge sends it; a body that is no text as base64 under `bodyBase64`.

    answers: whether what the function gives is to come back

    >>> record("redis", "orders", "7", b"{}", key="k")["body"]
    '{}'
    """
    try:
        said = {"body": body.decode()}
    except UnicodeDecodeError:
        said = {"bodyBase64": binascii.b2a_base64(body, newline=False).decode()}
    return {
        "eventSource": BRIDGE,
        "kind": kind,
        "source": source,
        "messageId": id,
        "topic": topic,
        "key": key,
        "lane": lane,
        "position": position,
        "timestamp": timestamp,
        "attempt": attempt,
        "headers": dict(headers or {}),
        **({"answers": True} if answers else {}),
        **said,
    }


def bridged_event(record: dict[str, Any]) -> Event:
    """One message of a broker.

    >>> bridged_event({"messageId": "1", "body": "{}", "kind": "redis", "key": "k"}).key
    'k'
    """
    body = record.get("body")
    data = binascii.a2b_base64(record["bodyBase64"]) if body is None else body.encode()
    headers = {name.lower(): str(value) for name, value in (record.get("headers") or {}).items()}
    return Event(
        body=data,
        id=record["messageId"],
        trigger=record.get("kind", ""),
        source=record.get("source", ""),
        headers=headers,
        timestamp=record.get("timestamp"),
        position=record.get("position") or None,
        content_type=headers.get("content-type", ""),
        raw=record,
        key=record.get("key", ""),
        topic=record.get("topic", ""),
    )
