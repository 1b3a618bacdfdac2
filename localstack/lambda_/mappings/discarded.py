"""The record that an on-failure destination gets for a batch of a stream that was given up.

It says where the records are, not what they are; only an object in S3 has the event too.  Source:
AWS's pages on retained records of discarded batches.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from ..records import Outcome
from .shards import GivenUp


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch came from; `info` is the name of the record's last part."""

    mapping: str
    function_arn: str
    stream_arn: str
    shard: str
    info: str


def record(
    origin: Origin, given_up: GivenUp, request_id: str, outcome: Outcome | None, now: float
) -> dict[str, Any]:
    """The record; `outcome` is the last call's, None when there was none."""
    first, last = given_up.records[0], given_up.records[-1]
    told: dict[str, Any] = {
        "requestContext": {
            "requestId": request_id,
            "functionArn": origin.function_arn,
            "condition": given_up.condition,
            "approximateInvokeCount": given_up.invoked,
        }
    }
    if outcome is not None:
        told["responseContext"] = {
            "statusCode": 200,
            "executedVersion": outcome.version,
            "functionError": outcome.error or None,
        }
    told |= {"version": "1.0", "timestamp": stamp(now)}
    told[origin.info] = {
        "shardId": origin.shard,
        "startSequenceNumber": first.sequence,
        "endSequenceNumber": last.sequence,
        "approximateArrivalOfFirstRecord": stamp(first.arrival),
        "approximateArrivalOfLastRecord": stamp(last.arrival),
        "batchSize": len(given_up.records),
        "streamArn": origin.stream_arn,
    }
    return told


def body_for(destination: str, told: dict[str, Any], event: dict[str, Any]) -> bytes:
    """What is sent: the record, and for S3 the event in it."""
    if destination.split(":")[2] == "s3":
        told = {**told, "payload": json.dumps(event)}
    return json.dumps(told).encode()


def object_key(origin: Origin, now: float) -> str:
    """The name of an object: aws/lambda/<mapping>/<shard>/<time>-<random>.

    >>> object_key(Origin("m", "f", "s", "shard-1", ""), 0.0)[:46]
    'aws/lambda/m/shard-1/1970/01/01/1970-01-01T00.'
    """
    when = datetime.fromtimestamp(now, UTC)
    day, moment = f"{when:%Y/%m/%d}", f"{when:%Y-%m-%dT%H.%M.%S}"
    return f"aws/lambda/{origin.mapping}/{origin.shard}/{day}/{moment}-{uuid4()}"


def stamp(seconds: float) -> str:
    """A moment, with its milliseconds when it has some.

    >>> stamp(0.5), stamp(1.0)
    ('1970-01-01T00:00:00.500Z', '1970-01-01T00:00:01Z')
    """
    when = datetime.fromtimestamp(seconds, UTC)
    thousandth = when.microsecond // 1000
    fraction = f".{thousandth:03d}" if thousandth else ""
    return f"{when:%Y-%m-%dT%H:%M:%S}{fraction}Z"
