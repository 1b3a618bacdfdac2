"""The records of a stream's shard: in order, up to the first that fails.

That one and all behind it come again, so that no record overtakes another: Lambda reads on from
the lowest sequence number that it is told.  Loaded when a function has such a trigger.
"""

from __future__ import annotations

import binascii
from typing import Any

from ..handlers.context import Context
from ..handlers.event import Event
from ..handlers.function import Function
from ..handlers.triggers.kinesis import Kinesis, StreamHandoff, stream_name
from . import aws_events
from .aws_records import SPARE, Records, send_letter
from .call import Call


class ShardRecords(Records):
    """Answers batches of Kinesis for one function."""

    LETTER = "SequenceNumber"
    WITHOUT = "none: it comes again"

    def __init__(self, function: Function[..., Any], call: Call) -> None:
        super().__init__(function, call)
        # Of each shard: the record that holds it up, and how often this worker has tried it.  A
        # stream counts no attempts; another worker begins anew, and `retries` ends that.
        self._tried: dict[str, tuple[str, int]] = {}

    def _sources(self, function: Function[..., Any]) -> dict[str, Any]:
        return {each.name: each for each in function.triggers if isinstance(each, Kinesis)}

    def _trigger(self, record: dict[str, Any]) -> Any:
        return self._triggers.get(stream_name(record.get("eventSourceARN", "")))

    def _id(self, record: dict[str, Any]) -> str:
        return str(record["kinesis"]["sequenceNumber"])

    def _named(self, record: dict[str, Any]) -> dict[str, str]:
        shard = record["eventID"].partition(":")[0]
        return {"sequenceNumber": self._id(record), "shard": shard}

    def _event(self, record: dict[str, Any]) -> Event:
        return aws_events.kinesis_event(record)

    def _content(self, record: dict[str, Any]) -> bytes:
        """What a dead letter says of the record."""
        return binascii.a2b_base64(record["kinesis"]["data"])

    def _key(self, record: dict[str, Any]) -> str:
        return str(record["kinesis"].get("partitionKey", ""))

    def _ordered(self, record: dict[str, Any]) -> bool:
        return True

    def answer(self, records: list[dict[str, Any]], context: Context) -> dict[str, Any]:
        """`{"batchItemFailures": [{"itemIdentifier": sequence number}]}`: the first that failed,
        with which Lambda goes on; empty when all is done."""
        if self._batch and isinstance(self._trigger(records[0]), StreamHandoff):
            return self._handed_over(records, context)
        failures = super().answer(records, context)["batchItemFailures"]
        return {"batchItemFailures": failures[:1]}

    def _handed_over(self, records: list[dict[str, Any]], context: Context) -> dict[str, Any]:
        """The messages of a graph's queue, one by one: what comes of them keeps its order."""
        for record in records:
            late = (context.remaining_time() or SPARE * 2) < SPARE
            if late or not self._taken(record, context):
                return {"batchItemFailures": [{"itemIdentifier": self._id(record)}]}
        return {"batchItemFailures": []}

    def _taken(self, record: dict[str, Any], context: Context) -> bool:
        name = record["eventID"]
        shard = name.partition(":")[0]
        last, tried = self._tried.get(shard, ("", 0))
        attempt = tried + 1 if last == name else 1
        text = binascii.a2b_base64(record["kinesis"]["data"]).decode(errors="replace")
        if self._batch([(text, name, attempt, record)], context):
            self._tried[shard] = name, attempt
            return False
        self._tried.pop(shard, None)
        return True

    def _hidden_for(self, after: float, record: dict[str, Any], context: Context) -> None:
        """A stream gives its records again at its own pace."""

    def _send_letter(
        self, target: str, record: dict[str, Any], said: dict[str, str], context: Context
    ) -> bool:
        """True when the queue has it; what it does not take (too long, no right to send) comes
        again, and goes in the end where Lambda itself sends what it gives up."""
        from botocore.exceptions import BotoCoreError, ClientError

        text, encoding = _letter(self._content(record))
        more = {
            "EventId": record["eventID"],
            "PartitionKey": self._key(record),
            "Encoding": encoding,
        }
        try:
            send_letter(target, text, {**said, **{k: v for k, v in more.items() if v}})
        except (BotoCoreError, ClientError):
            context.logger.exception("dead letter not sent", **self._named(record), queue=target)
            return False
        return True


def _letter(data: bytes) -> tuple[str, str]:
    r"""A record as the text of a message, and how it is written there: a queue takes no empty
    message, and of text only what XML may hold.

    >>> _letter(b'{"n": 1}'), _letter(b"\xff\x00"), _letter(b"")
    (('{"n": 1}', 'text'), ('/wA=', 'base64'), ('-', 'empty'))
    """
    if not data:
        return "-", "empty"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    if text and all(each >= " " or each in "\t\n\r" for each in text):
        if not any(each in "\ufffe\uffff" for each in text):
            return text, "text"
    return binascii.b2a_base64(data, newline=False).decode(), "base64"
