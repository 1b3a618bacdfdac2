"""A table's stream as a bridge reads it, where a platform reads no such streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .dynamodb import DynamoDb
from .from_broker import FromBroker


class Changes(FromBroker):
    """The changes of `dynamodb` for a function of that name; nobody writes this."""

    kind: ClassVar[str] = "dynamodb"
    alone: ClassVar[bool] = True
    of_aws: ClassVar[bool] = True

    changes: DynamoDb = DynamoDb("table")
    function: str = ""

    def __post_init__(self) -> None:
        """Nothing to check: `dynamodb` is checked."""

    @property
    def name(self) -> str:
        return self.changes.name

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        said = {"table": self.changes.table, "start": self.changes.start, "group": self.function}
        return "dynamodb-streams", said


def changes(trigger: DynamoDb, function: str) -> Changes:
    """
    >>> made = changes(DynamoDb("orders", retries=10, dead_letter="dead"), "count")
    >>> made.source[1]["group"], made.attempts
    ('count', 11)
    """
    attempts = trigger.retries + 1 if trigger.retries >= 0 else 0
    return Changes(
        trigger.batch,
        trigger.window,
        attempts,
        trigger.dead_letter,
        changes=trigger,
        function=function,
    )
