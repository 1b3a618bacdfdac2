"""What event source mappings of queues and streams bring, and what a bridge makes of the same."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from .bodies import base64_of, md5_of, written


def sqs(*bodies: Any, queue: str = "queue") -> dict[str, Any]:
    """A batch of messages as an SQS event source mapping delivers it, ids "0", "1", …

    >>> [each["messageId"] for each in sqs({"a": 1}, "text")["Records"]]
    ['0', '1']
    """
    return {
        "Records": [
            {
                "messageId": str(number),
                "receiptHandle": f"receipt-{number}",
                "body": written(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "0",
                    "SenderId": "AIDATEST",
                    "ApproximateFirstReceiveTimestamp": "0",
                },
                "messageAttributes": {},
                "md5OfBody": md5_of(body),
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def bridged_sqs(*bodies: Any, queue: str = "queue") -> dict[str, Any]:
    """The same messages as `pelton bridge` delivers them, where a platform reads no queues.

    >>> (made,) = bridged_sqs({"a": 1}, queue="orders")["Records"]
    >>> made["kind"], made["source"], made["messageId"]
    ('sqs', 'orders', '0')
    """
    from ..runtime.bridged import record

    def of(each: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(each).encode()
        return record("sqs", queue, each["messageId"], body, topic=queue)

    return {"Records": [of(each) for each in sqs(*bodies, queue=queue)["Records"]]}


def kinesis(*bodies: Any, stream: str = "stream", key: str = "key") -> dict[str, Any]:
    """A batch of one shard's records as a Kinesis event source mapping delivers it, sequence
    numbers "0", "1", … and all with the partition key `key`; bytes as they are.

    >>> [each["kinesis"]["data"] for each in kinesis({"a": 1}, b"raw")["Records"]]
    ['eyJhIjogMX0=', 'cmF3']
    """
    shard = "shardId-000000000000"
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": key,
                    "sequenceNumber": str(number),
                    "data": base64_of(body),
                    "approximateArrivalTimestamp": 1545084650.987,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{shard}:{number}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::000000000000:role/test",
                "awsRegion": "us-east-1",
                "eventSourceARN": f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}",
            }
            for number, body in enumerate(bodies)
        ]
    }


def bridged_kinesis(*bodies: Any, stream: str = "stream", key: str = "key") -> dict[str, Any]:
    """The same records as `pelton bridge` delivers them, where a platform reads no such streams.

    >>> (made,) = bridged_kinesis({"a": 1}, stream="clicks")["Records"]
    >>> made["kind"], made["source"], made["lane"]
    ('kinesis', 'clicks', 'shardId-000000000000')
    """
    from ..runtime.bridged import record

    def of(each: dict[str, Any]) -> dict[str, Any]:
        shard, _, number = each["eventID"].partition(":")
        body = json.dumps(each).encode()
        return record("kinesis", stream, number, body, topic=stream, key=key, lane=shard)

    return {"Records": [of(each) for each in kinesis(*bodies, stream=stream, key=key)["Records"]]}


def dynamodb(
    *changes: Any, table: str = "table", key: str = "id", event: str = ""
) -> dict[str, Any]:
    """A batch of changes as the event source mapping of a table's stream delivers it, sequence
    numbers "0", "1", …

    changes: items as they are now, or (old, new) of which one may be None
    key:     the name of the items' key;  event: "INSERT", "MODIFY" or "REMOVE"; by default what
             the images say

    >>> made = dynamodb({"id": 1}, ({"id": 1}, {"id": 1, "n": 2}), ({"id": 1}, None))
    >>> [each["eventName"] for each in made["Records"]]
    ['INSERT', 'MODIFY', 'REMOVE']
    """
    return {"Records": [_change(n, each, table, key, event) for n, each in enumerate(changes)]}


def bridged_dynamodb(
    *changes: Any, table: str = "table", key: str = "id", event: str = ""
) -> dict[str, Any]:
    """The same changes as `pelton bridge` delivers them, where a platform reads no such streams.

    >>> (made,) = bridged_dynamodb({"id": 1}, table="orders")["Records"]
    >>> made["kind"], made["source"], made["lane"]
    ('dynamodb', 'orders', '{"id": {"N": "1"}}')
    """
    from ..runtime.bridged import record

    def of(each: dict[str, Any]) -> dict[str, Any]:
        told = each["dynamodb"]
        lane, number = json.dumps(told["Keys"], sort_keys=True), told["SequenceNumber"]
        body = json.dumps(each).encode()
        return record("dynamodb", table, number, body, topic=table, key=lane, lane=lane)

    made = dynamodb(*changes, table=table, key=key, event=event)
    return {"Records": [of(each) for each in made["Records"]]}


def _change(number: int, change: Any, table: str, key: str, event: str) -> dict[str, Any]:
    old, new = change if isinstance(change, tuple) else (None, change)
    images = {"OldImage": old, "NewImage": new}
    told = {name: typed_item(item) for name, item in images.items() if item is not None}
    known = {True: "MODIFY", False: "INSERT" if old is None else "REMOVE"}
    return {
        "eventID": f"{number:032x}",
        "eventName": event or known[old is not None and new is not None],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1545084650.0,
            "Keys": typed_item({key: (new or old)[key]}),
            **told,
            "SequenceNumber": str(number),
            "SizeBytes": len(json.dumps(told)),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": f"arn:aws:dynamodb:us-east-1:000000000000:table/{table}"
        "/stream/2026-01-01T00:00:00.000",
    }


def typed_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _typed(value) for name, value in item.items()}


def _typed(value: Any) -> dict[str, Any]:
    """A plain value in DynamoDB's own JSON."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case bytes():
            return {"B": base64.b64encode(value).decode()}
        case Mapping():
            return {"M": typed_item(value)}
        case list() | tuple():
            return {"L": [_typed(each) for each in value]}
        case _:
            return {"N": str(value)}


def amazon_mq(
    *bodies: Any,
    queue: str = "queue",
    virtual_host: str = "/",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A batch of messages of a RabbitMQ queue as Lambda's own mapping of Amazon MQ delivers it.

    >>> made = amazon_mq({"a": 1}, queue="orders", headers={"k": "v"})
    >>> (message,) = made["rmqMessagesByQueue"]["orders::/"]
    >>> message["data"], message["basicProperties"]["headers"]
    ('eyJhIjogMX0=', {'k': {'bytes': [118]}})
    """
    given = {name: {"bytes": list(each.encode())} for name, each in (headers or {}).items()}
    return {
        "eventSource": "aws:rmq",
        "eventSourceArn": "arn:aws:mq:us-east-1:000000000000:broker:test:b-00000000",
        "rmqMessagesByQueue": {f"{queue}::{virtual_host}": [_of_mq(e, given) for e in bodies]},
    }


def _of_mq(body: Any, headers: Mapping[str, Any]) -> dict[str, Any]:
    data = base64_of(body)
    nothing = ("contentEncoding", "correlationId", "replyTo", "expiration", "messageId", "type")
    return {
        "basicProperties": {
            "contentType": "application/octet-stream",
            "headers": dict(headers),
            "deliveryMode": 2,
            "priority": 0,
            "timestamp": "Jan 1, 1970, 12:33:41 AM",
            "bodySize": len(base64.b64decode(data)),
            **dict.fromkeys((*nothing, "userId", "appId", "clusterId")),
        },
        "redelivered": False,
        "data": data,
    }
