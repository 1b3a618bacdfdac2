"""SQS: records in batches, each answered for itself (partial batch failure)."""

from __future__ import annotations

from typing import ClassVar

from ..checks import in_range, placed, text
from ..errors import WrongUse
from .base import Trigger

ON_INVALID = ("retry", "dead_letter", "drop")


class Sqs(Trigger):
    """See `sqs`."""

    kind: ClassVar[str] = "sqs"
    needs_body: ClassVar[bool] = True
    batches: ClassVar[bool] = True
    bridged: ClassVar[bool] = True

    queue: str = ""
    batch: int = 10
    window: int = 0
    on_invalid: str = "retry"
    dead_letter: str = ""

    def __post_init__(self) -> None:
        text("sqs queue", self.queue)
        if not self.queue:
            raise WrongUse("sqs() needs a queue's name or ARN")
        in_range("sqs batch", self.batch, 1, 10_000)
        in_range("sqs window", self.window, 0, 300, " seconds")
        text("sqs dead_letter", self.dead_letter)
        if self.batch > 10 and self.window < 1:
            raise WrongUse(
                f"sqs batch={self.batch} needs a window", advice="give window=1 or more seconds"
            )
        if self.on_invalid not in ON_INVALID:
            raise WrongUse(
                f"sqs on_invalid={self.on_invalid!r} is unknown",
                advice=f"use one of {', '.join(ON_INVALID)}",
            )

    @property
    def name(self) -> str:
        """The queue's name, also where its ARN was given.

        >>> Sqs("arn:aws:sqs:eu-west-1:123456789012:orders").name
        'orders'
        """
        return self.queue.rpartition(":")[2]

    def same_source(self, other: Trigger) -> bool:
        return isinstance(other, Sqs) and self.queue == other.queue


class Handoff(Sqs):
    """The queue between two functions of one graph: a deploy makes it, with its dead letters.

    visibility: seconds within which a message must be done; 0 to 43,200
    receives:   how often it is handed out before the queue itself gives it up
    ordered:    a FIFO queue
    function:   the function that takes from it; "" for none of ours
    """

    bridged: ClassVar[bool] = False  # on Nuclio a graph's queues are a broker's that it reads

    visibility: int = 30
    receives: int = 10
    ordered: bool = False
    function: str = ""


@placed
def sqs(
    queue: str,
    *,
    batch: int = 10,
    window: int = 0,
    on_invalid: str = "retry",
    dead_letter: str = "",
) -> Sqs:
    """Run the function for the messages of a queue.

    batch:       messages per call at the most; above 10 the source needs a window
    window:      seconds to wait for a full batch, 0 to 300
    on_invalid:  what becomes of a message that does not fit the function's type: "retry" gives it
                 back to the queue, "dead_letter" sends it to `dead_letter` (without one, it goes
                 back, and the queue's own redrive policy takes it), "drop" forgets it
    dead_letter: name or URL of the queue for those

    Nuclio reads no SQS: `pelton bridge` does, and calls the function.

    >>> sqs("departures", batch=5).batch
    5
    """
    return Sqs(queue, batch, window, on_invalid, dead_letter)
