"""Kinesis streams: what a mapping of one takes, how it is read, what a record becomes.

A consumer with enhanced fan-out is taken too; its stream is read by GetRecords like any other.
"""

from __future__ import annotations

import base64
from typing import Any

from .base import CallSource
from .family import Listed
from .shards import Record
from .stream import Begin, Page, make_kind

KIND = make_kind("kinesis")


class KinesisReading:
    """Reads a stream, of which `arn` is the stream's or a consumer's (`stream.Reading`)."""

    info, feeder, content, most = "KinesisBatchInfo", "kinesis", "data", 10_000

    def __init__(self, arn: str, call: CallSource, role: str = "") -> None:
        self._arn, self._stream = arn, arn.partition("/consumer/")[0]
        self._region = arn.split(":")[3]
        self._call, self._role = call, role

    async def listed(self) -> list[Listed]:
        if self._stream != self._arn:
            await self._ask("DescribeStreamConsumer", ConsumerARN=self._arn)
        found, token = [], None
        while True:
            asked = {"NextToken": token} if token else {"StreamARN": self._stream}
            answer = await self._ask("ListShards", **asked)
            found += answer["Shards"]
            token = answer.get("NextToken")
            if not token:
                return [_listed(each) for each in found]

    async def read(self, shard: str, begin: Begin, most: int) -> Page:
        # A new iterator each time: the position is a sequence number, never a token that expires.
        members = {"StreamARN": self._stream, "ShardId": shard, **_asked(begin)}
        iterator = (await self._ask("GetShardIterator", **members))["ShardIterator"]
        limit = min(most, self.most)
        answer = await self._ask("GetRecords", ShardIterator=iterator, Limit=limit)
        records = [self._record(shard, each) for each in answer.get("Records", ())]
        return Page(records, not answer.get("NextShardIterator"))

    def view(self, record: Record) -> dict[str, Any]:
        inner: dict[str, Any] = record.event["kinesis"]
        content = base64.b64decode(inner["data"])
        try:
            return {**inner, "data": content.decode()}
        except UnicodeDecodeError:
            return {**inner, "data": None}

    async def _ask(self, operation: str, **members: Any) -> dict[str, Any]:
        return await self._call("kinesis", operation, members)

    def _record(self, shard: str, given: dict[str, Any]) -> Record:
        sequence, arrival = given["SequenceNumber"], given["ApproximateArrivalTimestamp"]
        inner = {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": given["PartitionKey"],
            "sequenceNumber": sequence,
            "data": given["Data"],
            "approximateArrivalTimestamp": arrival,
        }
        event = {
            "kinesis": inner,
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{sequence}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self._role,
            "awsRegion": self._region,
            "eventSourceARN": self._arn,
        }
        size = len(given["Data"]) + 1024
        return Record(sequence, given["PartitionKey"], float(arrival), event, size)


def _listed(shard: dict[str, Any]) -> Listed:
    parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    closed = "EndingSequenceNumber" in shard["SequenceNumberRange"]
    return Listed(shard["ShardId"], tuple(each for each in parents if each), closed)


def _asked(begin: Begin) -> dict[str, Any]:
    if "after" in begin:
        return {
            "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
            "StartingSequenceNumber": begin["after"],
        }
    if begin["type"] == "AT_TIMESTAMP":
        return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": begin["at"]}
    return {"ShardIteratorType": begin["type"]}
