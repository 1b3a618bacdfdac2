"""The stream of a DynamoDB table: the changes of its items.

DynamoDB keeps them for a day, and does not know how far who has come: see `shards`.
Source: DynamoDB's developer guide, "Change data capture for DynamoDB Streams"; its API reference,
DescribeStream, GetShardIterator, GetRecords.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Unpack

from ..errors import Away
from ..message import Message
from ..source import Promises
from .shard_hand import Listed
from .shards import Shards, ShardWords, seconds

_OWN = ("eventID", "eventName", "userIdentity")


class DynamoDbStreams(Shards):
    """
    table: its name, or the ARN of its stream; the stream must be on.  The others as of `Shards`

    A message's body is the record as Lambda has it, in JSON.  Its lane is the item's key.
    """

    kind: ClassVar[str] = "dynamodb-streams"
    promises: ClassVar[Promises] = Promises(
        redelivers=True,
        ordered_by="an item's key",
        requeues=True,
        dead_letters="SQS queue",
        note="one worker at a time reads it, by a store that keeps how far; a day old is gone",
    )
    service: ClassVar[str] = "dynamodbstreams"

    def __init__(self, *, table: str, **words: Unpack[ShardWords]) -> None:
        super().__init__(table, **words)

    async def _stream(self) -> str:
        if self.what.startswith("arn:"):
            return self.what
        told = await self._aws.ask("dynamodb", "describe_table", TableName=self.what)
        arn = told["Table"].get("LatestStreamArn", "")
        if not arn:
            raise Away(f"DynamoDB table {self.what}: it has no stream; switch its stream on")
        return str(arn)

    async def _shards(self) -> list[Listed]:
        found: list[Any] = []
        more: dict[str, str] = {}
        while True:
            answer = await self._read("describe_stream", StreamArn=self._arn, **more)
            told = answer["StreamDescription"]
            found += told["Shards"]
            if "LastEvaluatedShardId" not in told:
                return [_listed(each) for each in found]
            more = {"ExclusiveStartShardId": told["LastEvaluatedShardId"]}

    def _number(self, record: Mapping[str, Any]) -> str:
        return str(record["dynamodb"]["SequenceNumber"])

    def _at(self, record: Mapping[str, Any]) -> float | None:
        return seconds(record["dynamodb"].get("ApproximateCreationDateTime"))

    def _message(self, shard: str, record: dict[str, Any]) -> Message:
        change = record["dynamodb"]
        own = {name: record[name] for name in _OWN if name in record}
        body = {
            **own,
            "eventVersion": record.get("eventVersion", "1.1"),
            "eventSource": "aws:dynamodb",
            "awsRegion": self._arn.split(":")[3],
            "dynamodb": change,
            "eventSourceARN": self._arn,
        }
        key = _json(change.get("Keys", {}))
        number = self._number(record)
        return Message(
            id=f"{shard}/{number}",
            body=_json(body).encode(),
            topic=self._arn.partition(":table/")[2].partition("/")[0],
            key=key,
            lane=key,
            position=number,
            timestamp=self._at(record),
            raw=(shard, number),
        )


def _listed(told: dict[str, Any]) -> Listed:
    parent = told.get("ParentShardId", "")
    closed = "EndingSequenceNumber" in told.get("SequenceNumberRange", {})
    return Listed(told["ShardId"], (parent,) if parent else (), closed)


def _json(value: Any) -> str:
    return json.dumps(value, default=_plain, sort_keys=True)


def _plain(value: Any) -> Any:
    """What boto3 makes of bytes and times, as Lambda has it."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} is nothing that a stream has")
