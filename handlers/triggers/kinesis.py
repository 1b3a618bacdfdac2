"""Kinesis: the records of a stream's shards in batches, each shard in its order."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from ..checks import in_range, one_of, placed, text
from ..errors import WrongUse
from .base import Trigger
from .sqs import ON_INVALID

STARTS = ("LATEST", "TRIM_HORIZON")
FOR_EVER = -1
RETRIES = 10  # where a record that is given up has somewhere to go


def check_shards(trigger: Any) -> None:
    """Raise where the words that all streams of shards share say what cannot be."""
    kind = trigger.kind
    text(f"{kind} dead_letter", trigger.dead_letter)
    in_range(f"{kind} batch", trigger.batch, 1, 10_000)
    in_range(f"{kind} window", trigger.window, 0, 300, " seconds")
    in_range(f"{kind} retries", trigger.retries, FOR_EVER, 10_000)
    one_of(f"{kind} start", trigger.start, STARTS)
    one_of(f"{kind} on_invalid", trigger.on_invalid, ON_INVALID)
    if trigger.dead_letter and not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", trigger.dead_letter):
        raise WrongUse(
            f"{kind} dead_letter={trigger.dead_letter!r} is no name of a standard SQS queue",
            advice="up to 80 letters, digits, '-' and '_'; a stream's failures go to no FIFO queue",
        )


class Kinesis(Trigger):
    """See `kinesis`."""

    kind: ClassVar[str] = "kinesis"
    needs_body: ClassVar[bool] = True
    batches: ClassVar[bool] = True
    bridged: ClassVar[bool] = True

    stream: str = ""
    batch: int = 100
    window: int = 0
    start: str = "LATEST"
    on_invalid: str = "dead_letter"
    dead_letter: str = ""
    retries: int = FOR_EVER

    def __post_init__(self) -> None:
        text("kinesis stream", self.stream)
        if not self.stream:
            raise WrongUse("kinesis() needs a stream's name or ARN")
        check_shards(self)

    @property
    def name(self) -> str:
        """The stream's name, also where an ARN was given.

        >>> Kinesis("arn:aws:kinesis:eu-west-1:123456789012:stream/clicks").name
        'clicks'
        """
        return stream_name(self.stream)

    def same_source(self, other: Trigger) -> bool:
        return isinstance(other, Kinesis) and self.name == other.name


class StreamHandoff(Kinesis):
    """The stream between two functions of one graph: a deploy makes it, with its dead letters.

    function: the function that takes from it; "" for none of ours
    """

    bridged: ClassVar[bool] = False  # as of a `sqs.Handoff`

    function: str = ""

    @property
    def queue(self) -> str:
        return self.stream


def stream_name(source: str) -> str:
    """The stream's name in its ARN, or in the ARN of one of its consumers.

    >>> stream_name("arn:aws:kinesis:eu-west-1:123456789012:stream/clicks/consumer/fast:17")
    'clicks'
    """
    return source.partition("stream/")[2].partition("/")[0] or source


@placed
def kinesis(
    stream: str,
    *,
    batch: int = 100,
    window: int = 0,
    start: str = "LATEST",
    on_invalid: str = "dead_letter",
    dead_letter: str = "",
    retries: int | None = None,
) -> Kinesis:
    """Run the function for the records of a stream, each shard in its order.

    A record that fails ends its batch: it and all behind it come again, so that no record
    overtakes another.

    batch:       records per call at the most, 1 to 10,000
    window:      seconds to wait for a full batch, 0 to 300
    start:       where a new function begins: "LATEST", or "TRIM_HORIZON", the oldest record that
                 the stream has; one that is deployed again goes on where it was
    on_invalid:  what becomes of a record that does not fit the function's type: "dead_letter"
                 sends it to `dead_letter` (without one, it comes again), "retry" gives it back,
                 "drop" skips it and logs why
    dead_letter: name of an SQS queue for those, and for what Lambda gives up after `retries`:
                 of these it says the stream, the shard and the sequence numbers
    retries:     how often Lambda gives a failed batch again, halved each time it fails as a
                 whole; None: 10 with `dead_letter`, and without one as long as the stream keeps
                 its records, which holds up the shard and loses nothing

    Nuclio reads no such streams: `pelton bridge --store ADDRESS` does, and calls the function.

    >>> kinesis("clicks", start="TRIM_HORIZON").retries
    -1
    >>> kinesis("clicks", dead_letter="clicks-dead").retries
    10
    """
    if retries is None:
        retries = RETRIES if dead_letter else FOR_EVER
    return Kinesis(stream, batch, window, start, on_invalid, dead_letter, retries)
