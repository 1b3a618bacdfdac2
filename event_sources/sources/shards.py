"""A stream of shards, as a source: which of them are read, from where on, and how far is done.

AWS keeps the records and does not know how far who has come: that is kept in a store of ours.  One
worker reads a stream at a time (`Alone`); two would both hand out everything.  What a record is, is
each stream's own: `dynamodb_streams`, `kinesis`.

A graph's own processes read shards as well, by `serving_graph/brokers/kinesis_reader.py`, and share
no code with this: what a graph imports ships in artifacts, which hold nothing of this part, and
this part knows no other.  Nor is it the same work.  There, processes of one machine share a stream
by locks on files, and hand out single records by keys; here, one worker has all shards, and the
delivery says who waits for whom.  What both must hold to, which shards may be begun, is one rule
written twice, and a test holds one against the other (tests/serving_graph/test_kinesis_reader.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Required, TypedDict

from ..errors import Away, WrongSource
from ..message import Letter, Message
from ..source import Source
from ..stores import Store, store_of
from .aws_wire import Refused, Services
from .shard_hand import Hand, Listed, Shard

STARTS = ("LATEST", "TRIM_HORIZON")
PAGE = 1000  # records of one read
FIRST, LONGEST = 0.25, 1.0  # seconds between two looks at a stream that is idle
REFRESH = 60.0  # and between two looks at its shards
SLACK = 60.0  # by which this machine's clock and the service's may differ
EXPIRED, TRIMMED = "ExpiredIteratorException", "TrimmedDataAccessException"
BUSY = frozenset({"ProvisionedThroughputExceededException", "LimitExceededException"})

log = logging.getLogger("pelton.event_sources")


class ShardWords(TypedDict, total=False):
    """What a stream's constructor takes as `**words`; what they mean is said at `Shards`."""

    store: Required[Store | str]
    group: str
    start: str
    client: Callable[[str], Any] | None
    now: Callable[[], float]


class Shards(Source):
    """
    what:   what is read: the name of a table or stream, or the ARN of the stream
    store:  where it is kept how far it was read: a `Store`, or its address
    group:  those who read for one purpose go on where the others were
    start:  where a group begins that is new: "LATEST", or "TRIM_HORIZON", the oldest that there is
    client: of boto3, by the name of a service; by default those of the environment
    """

    service: ClassVar[str] = ""
    arn_word: ClassVar[str] = "StreamArn"  # what the service calls a stream, and where to go on
    number_word: ClassVar[str] = "SequenceNumber"

    def __init__(
        self,
        what: str,
        *,
        store: Store | str,
        group: str = "pelton",
        start: str = "LATEST",
        client: Callable[[str], Any] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        if start not in STARTS:
            raise WrongSource(f"{self.kind}: start={start!r} is none of {', '.join(STARTS)}")
        if not what:
            raise WrongSource(f"{self.kind} needs a name, or the ARN of a stream")
        self.what, self.group, self._start = what, group, start
        self._store = store_of(store) if isinstance(store, str) else store
        self._aws, self._now = Services(what, client), now
        self._hand: Hand | None = None
        self._arn, self._pause, self._looked, self._turn = "", FIRST, 0.0, 0

    # -- each stream's own
    async def _stream(self) -> str:
        """Its ARN; raises Away where there is none."""
        raise NotImplementedError

    async def _shards(self) -> list[Listed]:
        """All that the service lists."""
        raise NotImplementedError

    def _message(self, shard: str, record: dict[str, Any]) -> Message:
        """With `raw` as (shard, sequence number)."""
        raise NotImplementedError

    def _number(self, record: Mapping[str, Any]) -> str:
        """Its sequence number."""
        raise NotImplementedError

    def _at(self, record: Mapping[str, Any]) -> float | None:
        """When it came there, in seconds since the epoch."""
        raise NotImplementedError

    # -- opening
    async def open(self) -> None:
        """Raises Away for a stream that is not there."""
        self._arn = await self._stream()
        listed = await self._list()
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
        return f"{self.kind.partition('-')[0]} {self.group} {self._arn}"

    async def _list(self) -> list[Listed]:
        found = await self._shards()
        self._looked = time.monotonic()
        return found

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
            hand.see(await self._list())
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
        found = [each for each in answer.get("Records", ()) if self._is_new(each, shard)]
        shard.take(self._number(each) for each in found)
        if not shard.iterator:
            hand.end(name)
            self._looked = 0.0  # it may have children that are new
        return [self._message(name, each) for each in found]

    def _is_new(self, record: Mapping[str, Any], shard: Shard) -> bool:
        """False for what was there before a reader of the latest began; times are whole seconds."""
        if shard.since is None or shard.done or shard.latest:
            return True
        at = self._at(record)
        return at is None or at >= shard.since // 1

    async def _records(self, name: str, shard: Shard, most: int) -> dict[str, Any]:
        """One page, from where the shard was read to; nothing of a shard that is read too fast."""
        if not shard.iterator:
            await self._begin(name, shard)
        try:
            return await self._read("get_records", ShardIterator=shard.iterator, Limit=most)
        except Refused as error:
            if error.code in BUSY:
                return {"NextShardIterator": shard.iterator}
            if error.code not in (EXPIRED, TRIMMED):
                raise
            await self._begin(name, shard, trimmed=error.code == TRIMMED)
            return await self._read("get_records", ShardIterator=shard.iterator, Limit=most)

    async def _begin(
        self, name: str, shard: Shard, start: str = STARTS[1], *, trimmed: bool = False
    ) -> None:
        """An iterator behind what was read.  Of what is gone, the oldest that there is."""
        where = self._where(shard, start)
        shard.latest = start == STARTS[0]
        if shard.last and not trimmed:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", self.number_word: shard.last}
        asked = {self.arn_word: self._arn, "ShardId": name}
        try:
            answer = await self._read("get_shard_iterator", **asked, **where)
        except Refused as error:
            if error.code != TRIMMED or not shard.last:
                raise
            trimmed = True
            oldest = {"ShardIteratorType": "TRIM_HORIZON"}
            answer = await self._read("get_shard_iterator", **asked, **oldest)
        if trimmed:
            log.warning("%s: what came after %s is older than a day, and gone", name, shard.last)
        shard.iterator = answer["ShardIterator"]

    def _where(self, shard: Shard, start: str) -> dict[str, Any]:
        """Where a shard is begun of which nothing was read."""
        return {"ShardIteratorType": start}

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
        """To an SQS queue: the record as Lambda has it."""
        await self._aws.bury(letter, place, letter.message.body.decode())

    async def close(self) -> None:
        self._hand = None

    # -- asking
    @property
    def _open(self) -> Hand:
        if self._hand is None:
            raise Away(f"the stream of {self.what} is not open")
        return self._hand

    async def _read(self, operation: str, **members: Any) -> dict[str, Any]:
        return await self._aws.ask(self.service, operation, **members)


def seconds(at: Any) -> float | None:
    """A time as boto3 has it, in seconds since the epoch."""
    return at.timestamp() if isinstance(at, datetime) else at
