"""What Lambda's function is given of a RabbitMQ queue: {"eventSource": "aws:rmq", ...}.

Source: the example in AWS's page on Lambda with Amazon MQ.  Names are those of RabbitMQ's Java
client, and so is the form of its values: a text of a header is its bytes, as signed numbers.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ....event_sources import Message

# AWS's word for a property, and AMQP's.
_PROPERTIES = {
    "deliveryMode": "delivery_mode",
    "priority": "priority",
    "correlationId": "correlation_id",
    "replyTo": "reply_to",
    "expiration": "expiration",
    "messageId": "message_id",
    "type": "message_type",
    "userId": "user_id",
    "appId": "app_id",
    "clusterId": "cluster_id",
}


def event(arn: str, queue: str, virtual_host: str, records: Sequence[Any]) -> dict[str, Any]:
    """One batch of a queue."""
    return {
        "eventSource": "aws:rmq",
        "eventSourceArn": arn,
        "rmqMessagesByQueue": {f"{queue}::{virtual_host}": list(records)},
    }


def record(message: Message) -> dict[str, Any]:
    """A message of the source `rabbitmq`, as it lies in a batch."""
    told, body = message.raw.told, message.body
    return {
        "basicProperties": {
            "contentType": told.content_type,
            "contentEncoding": told.content_encoding,
            "headers": {name: _value(each) for name, each in (told.headers or {}).items()},
            **{name: getattr(told, ours) for name, ours in _PROPERTIES.items()},
            "timestamp": told.timestamp and moment(told.timestamp),
            "bodySize": len(body),
        },
        "redelivered": message.raw.again,
        "data": base64.b64encode(body).decode(),
    }


def seen(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as filters see it: its data as the text that they are."""
    try:
        return {"data": binascii.a2b_base64(record["data"]).decode()}
    except UnicodeDecodeError:
        return {"data": None}


def moment(time: datetime) -> str:
    """
    >>> moment(datetime(1970, 1, 1, 0, 33, 41, tzinfo=UTC))
    'Jan 1, 1970, 12:33:41 AM'
    """
    time = time.astimezone(UTC)
    return f"{time:%b} {time.day}, {time.year}, {time.hour % 12 or 12}:{time:%M:%S %p}"


def _value(value: Any) -> Any:
    """
    >>> _value({"a": ["é", 7, True]})
    {'a': [{'bytes': [-61, -87]}, 7, True]}
    """
    match value:
        case str():
            return _value(value.encode())
        case bytes() | bytearray():
            return {"bytes": [each - 256 if each > 127 else each for each in value]}
        case datetime():
            return moment(value)
        case Decimal():
            return float(value)
        case Mapping():
            return {name: _value(each) for name, each in value.items()}
        case list() | tuple():
            return [_value(each) for each in value]
    return value


def size(record: Mapping[str, Any]) -> int:
    """Bytes of it in an event."""
    return len(json.dumps(record))
