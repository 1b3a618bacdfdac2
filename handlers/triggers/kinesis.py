"""Kinesis: the records of a stream's shards in batches, each shard in its order."""

from __future__ import annotations

from typing import ClassVar

from ..checks import placed, text
from ..errors import WrongUse
from .sharded import Sharded, retries_of


class Kinesis(Sharded):
    """See `kinesis`."""

    kind: ClassVar[str] = "kinesis"

    stream: str = ""

    def __post_init__(self) -> None:
        text("kinesis stream", self.stream)
        if not self.stream:
            raise WrongUse("kinesis() needs a stream's name or ARN")
        super().__post_init__()

    @property
    def name(self) -> str:
        """The stream's name, also where an ARN was given.

        >>> Kinesis(stream="arn:aws:kinesis:eu-west-1:123456789012:stream/clicks").name
        'clicks'
        """
        return stream_name(self.stream)


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
    return Kinesis(
        stream=stream,
        batch=batch,
        window=window,
        start=start,
        on_invalid=on_invalid,
        dead_letter=dead_letter,
        retries=retries_of(retries, dead_letter),
    )
