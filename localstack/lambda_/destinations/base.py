"""What is handed to a destination, and the one shape of every kind of destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Letter:
    """One document for one destination.

    body:       the text that is handed over: an invocation record, or the raw event
    attributes: message attributes by name: (type, value); only queues and topics carry them
    function:   the ARN that was invoked, with its qualifier
    succeeded:  whether it tells of a success
    at:         when the invocation ended, in seconds since the epoch
    id:         the request id; a letter that is sent again has the same
    """

    body: str
    function: str
    succeeded: bool
    at: float
    id: str
    attributes: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class Undelivered(Exception):
    """A destination did not take a letter: why, in its own words."""


class Destination(Protocol):
    """One kind of destination; `arn` says which one of that kind."""

    async def exists(self, arn: str) -> bool:
        """Whether it is there."""

    async def send(self, arn: str, letter: Letter) -> None:
        """Hand the letter over; on return it was taken.  Raises Undelivered."""


def last(arn: str) -> str:
    """The name at an ARN's end.

    >>> last("arn:aws:sqs:us-east-1:000000000000:failed"), last("arn:aws:events:r:a:event-bus/b")
    ('failed', 'b')
    """
    return arn.rpartition(":")[2].rpartition("/")[2]
