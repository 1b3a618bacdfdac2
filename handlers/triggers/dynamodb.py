"""DynamoDB streams: the changes of a table's items in batches, each item's in its order."""

from __future__ import annotations

from typing import Any, ClassVar, TypedDict

from ..checks import placed, text
from ..errors import WrongUse
from .sharded import Sharded, retries_of


class TableChange(TypedDict):
    """What a function is told of a changed item: `def take(change: pelton.TableChange)`.

    event: "INSERT", "MODIFY" or "REMOVE"
    keys:  the item's key
    new:   the item as it is now; None when it was removed, or the stream's view has no new images
    old:   the item as it was; None for a new one, or when the view has no old images
    time:  seconds since the epoch, of the change
    by:    "user", or "ttl" where DynamoDB removed an item whose time was over

    Values are JSON's: a number that no float holds exactly comes as text, bytes as base64, sets
    as lists.  A model of your own with some of these fields does as well.
    """

    event: str
    keys: dict[str, Any]
    new: dict[str, Any] | None
    old: dict[str, Any] | None
    time: float
    by: str


class DynamoDb(Sharded):
    """See `dynamodb`."""

    kind: ClassVar[str] = "dynamodb"

    table: str = ""

    def __post_init__(self) -> None:
        text("dynamodb table", self.table)
        if not self.table:
            raise WrongUse("dynamodb() needs a table's name, or its stream's ARN")
        if self.is_arn and "/stream/" not in self.table:
            raise WrongUse(
                f"dynamodb table={self.table!r} is the ARN of a table",
                advice="give the table's name, or the ARN of its stream (LatestStreamArn)",
            )
        super().__post_init__()

    @property
    def is_arn(self) -> bool:
        """Whether a stream is named, and not a table."""
        return self.table.startswith("arn:")

    @property
    def name(self) -> str:
        """The table's name, also where its stream's ARN was given.

        >>> DynamoDb(table="arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026").name
        'orders'
        """
        return table_name(self.table)


def table_name(source: str) -> str:
    """The table's name in the ARN of its stream.

    >>> table_name("arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026")
    'orders'
    """
    return source.partition(":table/")[2].partition("/")[0] or source


@placed
def dynamodb(
    table: str,
    *,
    batch: int = 100,
    window: int = 0,
    start: str = "LATEST",
    on_invalid: str = "dead_letter",
    dead_letter: str = "",
    retries: int | None = None,
) -> DynamoDb:
    """Run the function for the changes of a table's items; it is told what in a `TableChange`.

    A change that fails ends its batch: it and all behind it come again, so that no change of an
    item overtakes another.  The table must have a stream, of any view.

    table:       its name, or the ARN of its stream
    batch:       changes per call at the most, 1 to 10,000
    window:      seconds to wait for a full batch, 0 to 300
    start:       where a new function begins: "LATEST", or "TRIM_HORIZON", the oldest change that
                 the stream has (of the last day); one that is deployed again goes on where it was
    on_invalid:  what becomes of a change that does not fit the function's type: "dead_letter"
                 sends it to `dead_letter` (without one, it comes again), "retry" gives it back,
                 "drop" skips it and logs why
    dead_letter: name of an SQS queue for those, and for what Lambda gives up after `retries`:
                 of these it says the stream, the shard and the sequence numbers
    retries:     how often Lambda gives a failed batch again, halved each time it fails as a
                 whole; None: 10 with `dead_letter`, and without one for the day that the stream
                 keeps its records, which holds up the shard

    Nuclio reads no such streams: `pelton bridge --store ADDRESS` does, and calls the function.

    >>> dynamodb("orders", dead_letter="orders-dead").retries
    10
    """
    return DynamoDb(
        table=table,
        batch=batch,
        window=window,
        start=start,
        on_invalid=on_invalid,
        dead_letter=dead_letter,
        retries=retries_of(retries, dead_letter),
    )
