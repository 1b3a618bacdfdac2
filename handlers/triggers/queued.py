"""A queue of SQS as a bridge reads it, where a platform reads none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .from_broker import FromBroker
from .sqs import Sqs

TRIES = 10  # where a message that is given up has somewhere to go, and the queue gives none up


class Queued(FromBroker):
    """The messages of `queue` for a function; nobody writes this."""

    kind: ClassVar[str] = "sqs"
    of_aws: ClassVar[bool] = True
    returns: ClassVar[bool] = True
    handouts: ClassVar[int] = 0
    ahead: ClassVar[int] = 10

    queue: Sqs = Sqs("queue")

    def __post_init__(self) -> None:
        """Nothing to check: `queue` is checked."""

    @property
    def name(self) -> str:
        return self.queue.name

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        return "sqs", {"queue": self.queue.queue}


def queued(trigger: Sqs, workers: int = 1) -> Queued:
    """
    workers: calls at one time

    >>> made = queued(Sqs("orders", dead_letter="dead"))
    >>> made.source, made.attempts
    (('sqs', {'queue': 'orders'}), 10)
    """
    dead = trigger.dead_letter
    return Queued(
        batch=trigger.batch,
        window=trigger.window,
        attempts=TRIES if dead else 0,
        dead_letter=dead,
        workers=workers,
        queue=trigger,
    )
