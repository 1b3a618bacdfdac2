"""What triggers of streams of shards share: how one is read, and what becomes of what fails.

What the words mean to who writes them is said by each maker: `kinesis`, `dynamodb`.
"""

from __future__ import annotations

import re
from typing import ClassVar

from ..checks import in_range, one_of, text
from ..errors import WrongUse
from .base import Trigger
from .sqs import ON_INVALID

STARTS = ("LATEST", "TRIM_HORIZON")
FOR_EVER = -1
RETRIES = 10  # where a record that is given up has somewhere to go


class Sharded(Trigger):
    """The base of triggers of streams of shards.

    window:  in seconds
    retries: `FOR_EVER`, or how often a failed batch comes again
    """

    needs_body: ClassVar[bool] = True
    batches: ClassVar[bool] = True
    bridged: ClassVar[bool] = True

    batch: int = 100
    window: int = 0
    start: str = "LATEST"
    on_invalid: str = "dead_letter"
    dead_letter: str = ""
    retries: int = FOR_EVER

    def __post_init__(self) -> None:
        kind, dead = self.kind, self.dead_letter
        text(f"{kind} dead_letter", dead)
        in_range(f"{kind} batch", self.batch, 1, 10_000)
        in_range(f"{kind} window", self.window, 0, 300, " seconds")
        in_range(f"{kind} retries", self.retries, FOR_EVER, 10_000)
        one_of(f"{kind} start", self.start, STARTS)
        one_of(f"{kind} on_invalid", self.on_invalid, ON_INVALID)
        if dead and not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", dead):
            raise WrongUse(
                f"{kind} dead_letter={dead!r} is no name of a standard SQS queue",
                advice="up to 80 letters, digits, '-' and '_'; a stream's failures go to no FIFO "
                "queue",
            )

    @property
    def name(self) -> str:
        """The stream's or table's, also where an ARN was given."""
        raise NotImplementedError

    def same_source(self, other: Trigger) -> bool:
        return isinstance(other, Sharded) and (self.kind, self.name) == (other.kind, other.name)


def retries_of(said: int | None, dead_letter: str) -> int:
    """As it was said; else as many as there is somewhere to go after.

    >>> retries_of(None, ""), retries_of(None, "dead"), retries_of(3, "dead")
    (-1, 10, 3)
    """
    if said is not None:
        return said
    return RETRIES if dead_letter else FOR_EVER
