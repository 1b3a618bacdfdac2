"""DynamoDB streams: what a mapping of one takes, how it is read, what a record becomes."""

from __future__ import annotations

import json
from typing import Any

from .base import CallSource, SourceRefused
from .family import Listed
from .shards import Record
from .stream import FROM_START, Begin, Page, make_kind

KIND = make_kind("dynamodb")


class DynamodbReading:
    """Reads the stream of a table (`stream.Reading`)."""

    info, feeder, content, most = "DDBStreamBatchInfo", "dynamodb", "", 1000

    def __init__(self, arn: str, call: CallSource, role: str = "") -> None:
        self._arn, self._call = arn, call
        self._region = arn.split(":")[3]
        self._partition_key = ""

    async def listed(self) -> list[Listed]:
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            answer = await self._ask("DescribeStream", StreamArn=self._arn, **after)
            told = answer["StreamDescription"]
            keys = told.get("KeySchema", ())
            self._partition_key = next(
                (each["AttributeName"] for each in keys if each["KeyType"] == "HASH"), ""
            )
            found += told["Shards"]
            if "LastEvaluatedShardId" not in told:
                return [_listed(each) for each in found]
            after = {"ExclusiveStartShardId": told["LastEvaluatedShardId"]}

    async def read(self, shard: str, begin: Begin, most: int) -> Page:
        try:
            iterator = await self._iterator(shard, begin)
        except SourceRefused as error:
            if error.code != "TrimmedDataAccessException":
                raise
            iterator = await self._iterator(shard, FROM_START)  # what is left of it
        limit = min(most, self.most)
        answer = await self._ask("GetRecords", ShardIterator=iterator, Limit=limit)
        records = [self._record(each) for each in answer.get("Records", ())]
        return Page(records, not answer.get("NextShardIterator"))

    def view(self, record: Record) -> dict[str, Any]:
        return record.event

    async def _iterator(self, shard: str, begin: Begin) -> str:
        asked = {"ShardIteratorType": begin.get("type", "AFTER_SEQUENCE_NUMBER")}
        if "after" in begin:
            asked["SequenceNumber"] = begin["after"]
        found = await self._ask("GetShardIterator", StreamArn=self._arn, ShardId=shard, **asked)
        return str(found["ShardIterator"])

    async def _ask(self, operation: str, **members: Any) -> dict[str, Any]:
        return await self._call("dynamodb", operation, members)

    def _record(self, given: dict[str, Any]) -> Record:
        change = given["dynamodb"]
        event = {
            "eventID": given["eventID"],
            "eventName": given["eventName"],
            "eventVersion": given.get("eventVersion", "1.1"),
            "eventSource": "aws:dynamodb",
            "awsRegion": self._region,
            "dynamodb": change,
            "eventSourceARN": self._arn,
        }
        keys = change.get("Keys", {})
        key = json.dumps(keys.get(self._partition_key, keys), sort_keys=True)
        arrival = float(change.get("ApproximateCreationDateTime", 0))
        return Record(change["SequenceNumber"], key, arrival, event, len(json.dumps(event)))


def _listed(shard: dict[str, Any]) -> Listed:
    parent = shard.get("ParentShardId")
    closed = "EndingSequenceNumber" in shard.get("SequenceNumberRange", {})
    return Listed(shard["ShardId"], (parent,) if parent else (), closed)
