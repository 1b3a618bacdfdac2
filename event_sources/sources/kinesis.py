"""A stream of Kinesis: its records as Lambda has them, each shard in its order.

Kinesis keeps records for a day or longer, and does not know how far who has come: see `shards`.
Source: Kinesis's developer guide, "Resharding a stream"; its API reference, ListShards,
GetShardIterator, GetRecords.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Unpack

from ..message import Message
from ..source import Promises
from .shard_hand import Listed, Shard
from .shards import Shards, ShardWords, seconds

ROLE = "arn:aws:iam::000000000000:role/pelton-bridge"  # nobody's: a bridge calls as itself


class Kinesis(Shards):
    """
    stream: its name, or its ARN;  the others as of `Shards`

    A message's body is the record as Lambda has it, in JSON.  Its lane is its shard.
    """

    kind: ClassVar[str] = "kinesis"
    promises: ClassVar[Promises] = Promises(
        redelivers=True,
        ordered_by="shard",
        requeues=True,
        dead_letters="SQS queue",
        note="one worker at a time reads it, by a store that keeps how far",
    )
    service: ClassVar[str] = "kinesis"
    arn_word: ClassVar[str] = "StreamARN"
    number_word: ClassVar[str] = "StartingSequenceNumber"

    def __init__(self, *, stream: str, **words: Unpack[ShardWords]) -> None:
        super().__init__(stream, **words)

    async def _stream(self) -> str:
        if self.what.startswith("arn:"):
            return self.what
        told = await self._read("describe_stream_summary", StreamName=self.what)
        return str(told["StreamDescriptionSummary"]["StreamARN"])

    async def _shards(self) -> list[Listed]:
        found: list[Listed] = []
        asked = {"StreamARN": self._arn}
        while True:
            told = await self._read("list_shards", **asked)
            found += [listed(each) for each in told["Shards"]]
            if not told.get("NextToken"):
                return found
            asked = {"NextToken": told["NextToken"]}

    def _where(self, shard: Shard, start: str) -> dict[str, Any]:
        """Of the latest, from the time on that the group began at."""
        if start == "LATEST" or shard.since is None:
            return super()._where(shard, start)
        at = datetime.fromtimestamp(shard.since, UTC)
        return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": at}

    def _number(self, record: Mapping[str, Any]) -> str:
        return str(record["SequenceNumber"])

    def _at(self, record: Mapping[str, Any]) -> float | None:
        return seconds(record.get("ApproximateArrivalTimestamp"))

    def _message(self, shard: str, record: dict[str, Any]) -> Message:
        number, key = self._number(record), record.get("PartitionKey", "")
        at = self._at(record)
        inner = {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": number,
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": at,
        }
        body = {
            "kinesis": inner,
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{number}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": ROLE,
            "awsRegion": self._arn.split(":")[3],
            "eventSourceARN": self._arn,
        }
        return Message(
            id=f"{shard}/{number}",
            body=json.dumps(body).encode(),
            topic=self._arn.rpartition("/")[2],
            key=key,
            lane=shard,
            position=number,
            timestamp=at,
            raw=(shard, number),
        )


def listed(told: Mapping[str, Any]) -> Listed:
    """A shard of two that were merged has two parents.

    >>> listed({"ShardId": "c", "ParentShardId": "a", "AdjacentParentShardId": "b"}).parents
    ('a', 'b')
    """
    parents = (told.get("ParentShardId", ""), told.get("AdjacentParentShardId", ""))
    closed = "EndingSequenceNumber" in told.get("SequenceNumberRange", {})
    return Listed(told["ShardId"], tuple(each for each in parents if each), closed)
