"""The stream of a DynamoDB table: the changes of its items, read shard by shard.

DynamoDB keeps them for a day, and does not know how far who has come: that is kept in a store of
ours.  One worker reads a stream at a time (`Alone`); two would both hand out everything.
Source: DynamoDB's developer guide, "Change data capture for DynamoDB Streams"; its API reference,
DescribeStream, GetShardIterator, GetRecords.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from ..errors import Away, WrongSource
from ..message import Letter, Message
from ..source import Promises, Source
from ..stores import Store, store_of
from .aws_wire import Refused, Services
from .dynamodb_hand import Hand, Listed, Shard

STARTS = ("LATEST", "TRIM_HORIZON")
PAGE = 1000  # records of one read
FIRST, LONGEST = 0.25, 1.0  # seconds between two looks at a stream that is idle
REFRESH = 60.0  # and between two looks at its shards
SLACK = 60.0  # by which this machine's clock and DynamoDB's may differ

_OWN = ("eventID", "eventName", "userIdentity")

log = logging.getLogger("pelton.event_sources")


class DynamoDbStreams(Source):
    """
    table:  its name, or the ARN of its stream; the stream must be on
    store:  where it is kept how far it was read: a `Store`, or its address
    group:  those who read for one purpose go on where the others were
    start:  where a group begins that is new: "LATEST", or "TRIM_HORIZON", the oldest that there is
    client: of boto3, by the name of a service; by default those of the environment

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

    def __init__(
        self,
        *,
        table: str,
        store: Store | str,
        group: str = "pelton",
        start: str = "LATEST",
        client: Callable[[str], Any] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        if start not in STARTS:
            raise WrongSource(f"dynamodb-streams: start={start!r} is none of {', '.join(STARTS)}")
        if not table:
            raise WrongSource("dynamodb-streams needs a table's name, or the ARN of its stream")
        self.table, self.group, self._start = table, group, start
        self._store = store_of(store) if isinstance(store, str) else store
        self._aws, self._now = Services(table, client), now
        self._hand: Hand | None = None
        self._arn, self._pause, self._looked, self._turn = "", FIRST, 0.0, 0

    # -- opening
    async def open(self) -> None:
        """Raises Away for a table that is not there, or has no stream."""
        self._arn = await self._stream()
        listed = await self._shards()
        kept = await self._store.note(self.place)
        self._hand = Hand.begin(kept, listed, self._start, self._now() - SLACK)
        if not kept:
            # Before anything is read: who comes after us begins where we did.
            await self._keep()
            for name in list(self._hand.readable()):
                await self._begin(name, self._hand.shard(name), self._start)

    @property
    def place(self) -> str:
        """The key of the note that says how far it was read."""
        return f"dynamodb {self.group} {self._arn}"

    async def _stream(self) -> str:
        if self.table.startswith("arn:"):
            return self.table
        told = await self._aws.ask("dynamodb", "describe_table", TableName=self.table)
        arn = told["Table"].get("LatestStreamArn", "")
        if not arn:
            raise Away(f"DynamoDB table {self.table}: it has no stream; switch its stream on")
        return str(arn)

    async def _shards(self) -> list[Listed]:
        found: list[Any] = []
        more: dict[str, str] = {}
        while True:
            answer = await self._read("describe_stream", StreamArn=self._arn, **more)
            told = answer["StreamDescription"]
            found += told["Shards"]
            if "LastEvaluatedShardId" not in told:
                self._looked = time.monotonic()
                return [_listed(each) for each in found]
            more = {"ExclusiveStartShardId": told["LastEvaluatedShardId"]}

    # -- receiving
    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        end = time.monotonic() + seconds
        while True:
            found = await self._look(min(most, PAGE))
            left = end - time.monotonic()
            if found:
                self._pause = FIRST
                return found
            if left <= 0:
                return []
            await asyncio.sleep(min(self._pause, left))
            self._pause = min(LONGEST, self._pause * 2)

    async def _look(self, most: int) -> list[Message]:
        """The next records of a shard, the shards in turn."""
        hand = self._open
        if time.monotonic() - self._looked > REFRESH:
            hand.see(await self._shards())
        names = list(hand.readable())
        self._turn += 1
        first = self._turn % max(1, len(names))
        for name in (*names[first:], *names[:first]):
            answer = await self._records(name, hand.shard(name), most)
            if found := self._taken(hand, name, answer):
                return found
        return []

    def _taken(self, hand: Hand, name: str, answer: dict[str, Any]) -> list[Message]:
        """With no wait in it: whoever cancels a look loses nothing that was taken."""
        shard = hand.shard(name)
        shard.iterator = answer.get("NextShardIterator") or ""
        found = [each for each in answer.get("Records", ()) if _is_new(each, shard)]
        shard.take(each["dynamodb"]["SequenceNumber"] for each in found)
        if not shard.iterator:
            hand.end(name)
            self._looked = 0.0  # it may have children that are new
        return [self._message(name, each) for each in found]

    async def _records(self, name: str, shard: Shard, most: int) -> dict[str, Any]:
        """One page, from where the shard was read to."""
        if not shard.iterator:
            await self._begin(name, shard)
        try:
            return await self._read("get_records", ShardIterator=shard.iterator, Limit=most)
        except Refused as error:
            if error.code not in ("ExpiredIteratorException", "TrimmedDataAccessException"):
                raise
            await self._begin(name, shard, trimmed=error.code.startswith("Trimmed"))
            return await self._read("get_records", ShardIterator=shard.iterator, Limit=most)

    async def _begin(
        self, name: str, shard: Shard, start: str = STARTS[1], *, trimmed: bool = False
    ) -> None:
        """An iterator behind what was read.  Of what is gone, the oldest that there is."""
        where: dict[str, str] = {"ShardIteratorType": start}
        shard.latest = start == STARTS[0]
        if shard.last and not trimmed:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": shard.last}
        asked = {"StreamArn": self._arn, "ShardId": name}
        try:
            answer = await self._read("get_shard_iterator", **asked, **where)
        except Refused as error:
            if error.code != "TrimmedDataAccessException" or not shard.last:
                raise
            trimmed = True
            oldest = {"ShardIteratorType": "TRIM_HORIZON"}
            answer = await self._read("get_shard_iterator", **asked, **oldest)
        if trimmed:
            log.warning("%s: what came after %s is older than a day, and gone", name, shard.last)
        shard.iterator = answer["ShardIterator"]

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
        number = change["SequenceNumber"]
        return Message(
            id=f"{shard}/{number}",
            body=_json(body).encode(),
            topic=self._arn.partition(":table/")[2].partition("/")[0],
            key=key,
            lane=key,
            position=number,
            timestamp=_seconds(change.get("ApproximateCreationDateTime")),
            raw=(shard, number),
        )

    # -- telling
    async def ack(self, messages: Sequence[Message]) -> None:
        done: dict[str, list[str]] = {}
        for each in messages:
            shard, number = each.raw
            done.setdefault(shard, []).append(number)
        if self._open.finish(done):
            await self._keep()

    async def _keep(self) -> None:
        await self._store.set_note(self.place, self._open.kept)

    async def requeue(self, messages: Sequence[Message]) -> None:
        """Nothing to say: what is not done comes again."""

    async def bury(self, letter: Letter, place: str) -> None:
        """To an SQS queue."""
        await self._aws.bury(letter, place, letter.message.body.decode())

    async def close(self) -> None:
        self._hand = None

    # -- asking
    @property
    def _open(self) -> Hand:
        if self._hand is None:
            raise Away(f"the stream of {self.table} is not open")
        return self._hand

    async def _read(self, operation: str, **members: Any) -> dict[str, Any]:
        return await self._aws.ask("dynamodbstreams", operation, **members)


def _listed(told: dict[str, Any]) -> Listed:
    closed = "EndingSequenceNumber" in told.get("SequenceNumberRange", {})
    return Listed(told["ShardId"], told.get("ParentShardId", ""), closed)


def _is_new(record: dict[str, Any], shard: Shard) -> bool:
    """False for what was there before a reader of the latest began; times are whole seconds."""
    if shard.since is None or shard.done or shard.latest:
        return True
    at = _seconds(record["dynamodb"].get("ApproximateCreationDateTime"))
    return at is None or at >= shard.since // 1


def _seconds(at: Any) -> float | None:
    return at.timestamp() if isinstance(at, datetime) else at


def _json(value: Any) -> str:
    return json.dumps(value, default=_plain, sort_keys=True)


def _plain(value: Any) -> Any:
    """What boto3 makes of bytes and times, as Lambda has it."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} is nothing that a stream has")
