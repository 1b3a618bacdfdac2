"""An SQS queue that calls a Lambda function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .mapping import SourceMapping


@dataclass(frozen=True, kw_only=True)
class QueueMapping(SourceMapping):
    """See `SourceMapping`; the source is a queue."""

    kind: ClassVar[str] = "queue_mapping"
    service: ClassVar[str] = "sqs"

    @property
    def source(self) -> str:
        return f"queue {self.arn.rpartition(':')[2]}"
