"""Messages of a RabbitMQ queue that Lambda's own mapping of Amazon MQ brings.

Lambda gives a batch again as a whole, so nothing behind a message that failed is begun.  What it
does not say is where a message was sent: a queue's name stands in the place of the routing key.
Loaded when a function has such a trigger.  Source: AWS's page on Lambda with Amazon MQ.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterator
from typing import Any

from ..handlers.context import Context
from ..handlers.errors import PeltonError
from ..handlers.function import Function
from .bridged import BridgedRecords, record
from .call import Call

# What a message is said to be, and the name that a header of it has.
_SAID = {
    "contentType": "content-type",
    "contentEncoding": "content-encoding",
    "messageId": "message-id",
    "correlationId": "correlation-id",
    "replyTo": "reply-to",
    "type": "type",
}


class BatchFailed(PeltonError):
    """Lambda is to give the batch again."""


class MqRecords:
    """Answers batches of a mapping for one function."""

    def __init__(self, function: Function[..., Any], call: Call) -> None:
        self._records = BridgedRecords(function, call)

    def answer(self, payloads: list[dict[str, Any]], context: Context) -> None:
        """None when all is done.  Raises BatchFailed."""
        (payload,) = payloads
        records = list(messages(payload, context.request_id))
        failed = self._records.answer(records, context)["batchItemFailures"]
        if failed:
            first = next((each for each in failed if each.get("begun", True)), failed[0])
            raise BatchFailed(
                f"{first['reason']} (message {first['itemIdentifier']}; of a batch of "
                f"{len(records)}, which Lambda gives again as a whole)"
            )


def messages(payload: dict[str, Any], request_id: str) -> Iterator[dict[str, Any]]:
    """The messages as a bridge would bring them, of one lane.

    >>> said = {"contentType": None, "headers": {"a": {"bytes": [98]}}}
    >>> batch = {"orders::/": [{"basicProperties": said, "data": "e30="}]}
    >>> (made,) = messages({"rmqMessagesByQueue": batch}, "r")
    >>> made["body"], made["source"], made["headers"], made["messageId"]
    ('{}', 'orders', {'a': 'b'}, 'r/0')
    """
    number = 0
    for place, found in payload["rmqMessagesByQueue"].items():
        queue = place.rpartition("::")[0]
        for each in found:
            said = each.get("basicProperties") or {}
            made = record(
                "rabbitmq",
                queue,
                str(said.get("messageId") or f"{request_id}/{number}"),
                binascii.a2b_base64(each["data"]),
                topic=queue,
                lane=place,
                timestamp=_seconds(said.get("timestamp")),
                attempt=1 + bool(each.get("redelivered")),
                headers=_headers(said),
            )
            number += 1
            yield made


def _headers(said: dict[str, Any]) -> dict[str, str]:
    found = {name: _text(each) for name, each in (said.get("headers") or {}).items()}
    for name, ours in _SAID.items():
        if value := said.get(name):
            found.setdefault(ours, str(value))
    return found


def _text(value: Any) -> str:
    """A header as text; of lists and tables as JSON."""
    value = _plain(value)
    return value if value.__class__ is str else json.dumps(value)


def _plain(value: Any) -> Any:
    """A header's value without the form that Java's client gives to texts.

    >>> _plain([{"bytes": [-61, -87]}, {"a": 1}])
    ['é', {'a': 1}]
    """
    if value.__class__ is list:
        return [_plain(each) for each in value]
    if value.__class__ is not dict:
        return value
    if list(value) == ["bytes"] and value["bytes"].__class__ is list:
        return bytes(each & 255 for each in value["bytes"]).decode(errors="replace")
    return {name: _plain(each) for name, each in value.items()}


def _seconds(stamp: str | None) -> float | None:
    """
    >>> _seconds("Jan 1, 1970, 12:33:41 AM"), _seconds("some day")
    (2021.0, None)
    """
    if not stamp:
        return None
    import calendar
    import time

    try:  # newer Java's blank before AM is no plain one
        told = time.strptime(" ".join(stamp.split()), "%b %d, %Y, %I:%M:%S %p")
    except ValueError:
        return None
    return float(calendar.timegm(told))
