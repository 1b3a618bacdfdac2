"""A Kinesis stream that calls a Lambda function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from ...handlers.triggers.kinesis import stream_name
from .base import Change
from .mapping import SourceMapping


@dataclass(frozen=True, kw_only=True)
class StreamMapping(SourceMapping):
    """See `SourceMapping`; the source is a stream.

    retries:  -1: as long as the stream keeps its records
    failures: the ARN of the queue that is told of what was given up
    start:    where a new one begins; one that is there goes on where it stands

    >>> StreamMapping(name="f/arn:aws:kinesis:r:0:stream/clicks", batch=100).told(new=True)
    'batch 100, window 0 s, retries while the stream keeps a record, from LATEST'
    """

    kind: ClassVar[str] = "stream_mapping"
    service: ClassVar[str] = "kinesis"

    retries: int = -1
    failures: str = ""
    bisect: bool = True
    start: str = field(default="LATEST", compare=False)

    @property
    def source(self) -> str:
        return f"stream {stream_name(self.arn)}"

    def told(self, *, new: bool = False) -> str:
        again = self.retries
        said = [
            f"batch {self.batch}",
            f"window {self.window} s",
            f"{again} retries" if again >= 0 else "retries while the stream keeps a record",
        ]
        if self.failures:
            said.append(f"failures to {self.failures.rpartition(':')[2]}")
        said += [] if self.bisect else ["no halving"]
        said += [] if self.partial_failures else ["no partial failures"]
        said += [f"from {self.start}"] if new else []
        return ", ".join(said)

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        return f"it reads anew from {self.start}, not where it stood" if action == "replace" else ""

    def members(self) -> dict[str, Any]:
        return {
            "BatchSize": self.batch,
            "MaximumBatchingWindowInSeconds": self.window,
            "MaximumRetryAttempts": self.retries,
            "BisectBatchOnFunctionError": self.bisect,
            "DestinationConfig": {
                "OnFailure": {"Destination": self.failures} if self.failures else {}
            },
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if self.partial_failures else [],
        }

    def new_members(self) -> dict[str, Any]:
        return {"StartingPosition": self.start}

    @classmethod
    def told_by(cls, name: str, each: Mapping[str, Any]) -> Self:
        found = super().told_by(name, each)
        failures = (each.get("DestinationConfig") or {}).get("OnFailure") or {}
        return replace(
            found,
            retries=each.get("MaximumRetryAttempts", -1),
            failures=failures.get("Destination", ""),
            bisect=bool(each.get("BisectBatchOnFunctionError")),
            start=each.get("StartingPosition", ""),
        )
