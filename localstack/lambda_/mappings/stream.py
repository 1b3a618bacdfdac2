"""What Kinesis and DynamoDB streams have in common for a mapping: its members, and how it is read.

`Reading` is what the poller asks of a source; `kinesis` and `dynamodb` are the two there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import invalid
from ..records import SourceMapping
from .base import Kind, Mapped, unsupported
from .family import Listed
from .shards import Record, Rules

# Where reading begins: {"after": sequence number}, or {"type": ..., "at": seconds}.
Begin = dict[str, Any]
FROM_START: Begin = {"type": "TRIM_HORIZON"}

DEFAULTS = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": False,
    "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
}
TAKES = frozenset({"StartingPosition", "StartingPositionTimestamp", "FilterCriteria"})
CONFLICT = 'The event source arn (" {arn} ") and function (" {function} ") provided mapping already exists.'  # noqa: E501
NOTHING_YET, DONE, FAILED = "No records processed", "OK", "PROBLEM: Function call failed"
_LEAST_AGE = 60
_DESTINATIONS = ("sqs", "sns", "s3")


@dataclass(frozen=True, slots=True)
class Page:
    """What one read gave; `ended`: the shard is closed and has nothing more."""

    records: Sequence[Record]
    ended: bool


class Reading(Protocol):
    """How one stream is read.

    info:    the last part of an on-failure record
    feeder:  the service whose requests may put records there
    content: the member of a record's `view` that the sender wrote, "" when there is none
    most:    records of one read
    """

    info: str
    feeder: str
    content: str
    most: int

    async def listed(self) -> list[Listed]:
        """The shards there are.  Raises SourceRefused."""

    async def read(self, shard: str, begin: Begin, most: int) -> Page:
        """The next records of a shard.  Raises SourceRefused."""

    def view(self, record: Record) -> dict[str, Any]:
        """A record as filters see it."""


def rules_of(mapping: SourceMapping) -> Rules:
    """A mapping's rules about batches and failures."""
    asked = mapping.settings
    return Rules(
        batch_size=mapping.batch_size,
        window_s=mapping.window_s,
        lanes=int(asked["ParallelizationFactor"]),
        bisect=bool(asked["BisectBatchOnFunctionError"]),
        retries=int(asked["MaximumRetryAttempts"]),
        age_s=int(asked["MaximumRecordAgeInSeconds"]),
        tumbling_s=int(asked["TumblingWindowInSeconds"]),
    )


def make_kind(name: str) -> Kind:
    return Kind(
        name=name,
        defaults=DEFAULTS,
        takes=TAKES,
        conflict=CONFLICT,
        check=_check_dynamodb if name == "dynamodb" else check,
        result=NOTHING_YET,
    )


def check(mapped: Mapped) -> None:
    _check_position(mapped)
    age, tumbling = mapped["MaximumRecordAgeInSeconds"], mapped["TumblingWindowInSeconds"]
    if age != -1 and age < _LEAST_AGE:
        raise invalid(f"MaximumRecordAgeInSeconds must be -1 or at least {_LEAST_AGE}.")
    if tumbling and mapped["ParallelizationFactor"] > 1:
        raise invalid(
            "The pelton emulator does not support a ParallelizationFactor above 1 together with "
            "TumblingWindowInSeconds."
        )
    _check_destination(mapped["DestinationConfig"])


def _check_position(mapped: Mapped) -> None:
    position = mapped.get("StartingPosition")
    if position is None:
        raise invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null."
        )
    at = mapped.get("StartingPositionTimestamp")
    if position == "AT_TIMESTAMP" and at is None:
        raise invalid("StartingPositionTimestamp is required for the position AT_TIMESTAMP.")
    if position != "AT_TIMESTAMP" and at is not None:
        raise invalid("StartingPositionTimestamp is only for the position AT_TIMESTAMP.")


def _check_dynamodb(mapped: Mapped) -> None:
    if mapped.get("StartingPosition") == "AT_TIMESTAMP":
        source = mapped["EventSourceArn"]
        raise invalid(f"Unsupported starting position for arn type: {source}")
    check(mapped)


def _check_destination(config: Mapped) -> None:
    if config.get("OnSuccess", {}).get("Destination"):
        raise unsupported("DestinationConfig")
    target = config.get("OnFailure", {}).get("Destination", "")
    if not target:
        return
    service = target.split(":")[2] if target.startswith("arn:") else ""
    if service not in _DESTINATIONS or target.endswith(".fifo"):
        raise invalid(
            "The provided destination config DestinationConfig(onSuccess=null, "
            f"onFailure=OnFailure(destination={target})) is invalid."
        )
