"""A stream of shards as a bridge reads it, where a platform reads none: the changes of a table, the
records of Kinesis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .dynamodb import DynamoDb
from .from_broker import FromBroker
from .kinesis import Kinesis
from .sharded import Sharded


class OfShards(FromBroker):
    """What both are; nobody writes them."""

    alone: ClassVar[bool] = True
    of_aws: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Nothing to check: the trigger is checked."""


class Changes(OfShards):
    """The changes of `dynamodb` for a function of that name."""

    kind: ClassVar[str] = "dynamodb"

    changes: DynamoDb = DynamoDb(table="table")
    function: str = ""

    @property
    def name(self) -> str:
        return self.changes.name

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        said = {"table": self.changes.table, "start": self.changes.start, "group": self.function}
        return "dynamodb-streams", said


class StreamRecords(OfShards):
    """The records of `kinesis` for a function of that name."""

    kind: ClassVar[str] = "kinesis"

    records: Kinesis = Kinesis(stream="stream")
    function: str = ""

    @property
    def name(self) -> str:
        return self.records.name

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        said = {"stream": self.records.stream, "start": self.records.start, "group": self.function}
        return "kinesis", said


def changes(trigger: DynamoDb, function: str) -> Changes:
    """
    >>> made = changes(DynamoDb(table="orders", retries=10, dead_letter="dead"), "count")
    >>> made.source[1]["group"], made.attempts
    ('count', 11)
    """
    return Changes(**_words(trigger), changes=trigger, function=function)


def stream_records(trigger: Kinesis, function: str, workers: int = 1) -> StreamRecords:
    """
    workers: calls at one time, of one shard one

    >>> stream_records(Kinesis(stream="clicks"), "count").source[1]["stream"]
    'clicks'
    """
    return StreamRecords(**_words(trigger), workers=workers, records=trigger, function=function)


def _words(trigger: Sharded) -> dict[str, Any]:
    return {
        "batch": trigger.batch,
        "window": trigger.window,
        "attempts": trigger.retries + 1 if trigger.retries >= 0 else 0,
        "dead_letter": trigger.dead_letter,
    }
