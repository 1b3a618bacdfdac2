"""S3: what happens to objects of a bucket, told as it happens."""

from __future__ import annotations

from typing import ClassVar, TypedDict

from ..checks import placed, text
from ..errors import WrongUse
from .base import Trigger

CREATED = "ObjectCreated:*"
# Source: S3's user guide, "Supported event types for SQS, SNS, and Lambda".
FAMILIES = (
    "ObjectCreated",
    "ObjectRemoved",
    "ObjectRestore",
    "ObjectTagging",
    "ObjectAcl",
    "Replication",
    "LifecycleExpiration",
    "LifecycleTransition",
    "IntelligentTiering",
    "ReducedRedundancyLostObject",
)


class S3Object(TypedDict):
    """What a function is told of an object: `def keep(found: pelton.S3Object)`.

    event: as "ObjectCreated:Put"; of a removed object neither size nor etag are known (0, "")
    time:  ISO 8601, in UTC
    """

    bucket: str
    key: str
    event: str
    size: int
    etag: str
    version: str
    time: str


class S3(Trigger):
    """See `s3`."""

    kind: ClassVar[str] = "s3"
    needs_body: ClassVar[bool] = True
    batches: ClassVar[bool] = True

    bucket: str = ""
    events: tuple[str, ...] = (CREATED,)
    prefix: str = ""
    suffix: str = ""

    def __post_init__(self) -> None:
        for name in ("bucket", "prefix", "suffix"):
            text(f"s3 {name}", getattr(self, name))
        if not self.bucket:
            raise WrongUse("s3() needs a bucket's name")
        if "/" in self.bucket or self.bucket.startswith("s3:"):
            raise WrongUse(
                f"s3 bucket {self.bucket!r} is no bucket's name",
                advice='give the name alone, and prefix="…" for a part of it',
            )
        if not self.events:
            raise WrongUse("s3() needs at least one event", advice=f'say events=["{CREATED}"]')
        for each in self.events:
            _check_event(each)

    def same_source(self, other: Trigger) -> bool:
        """Whether both would be told of the same object: S3 refuses two such for one event."""
        return (
            isinstance(other, S3)
            and self.bucket == other.bucket
            and any(_same_event(mine, theirs) for mine in self.events for theirs in other.events)
            and _overlap(self.prefix, other.prefix)
            and _overlap(self.suffix[::-1], other.suffix[::-1])
        )


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _same_event(one: str, other: str) -> bool:
    family, _, what = one.partition(":")
    others, _, theirs = other.partition(":")
    return family == others and (what == theirs or "*" in (what, theirs))


def _check_event(event: object) -> None:
    text("s3 event", event)
    family = str(event).partition(":")[0]
    if family not in FAMILIES or (":" not in str(event) and family != FAMILIES[-1]):
        raise WrongUse(
            f"s3 event {event!r} is unknown",
            advice=f'write it as "ObjectCreated:*"; there are {", ".join(FAMILIES)}',
        )


@placed
def s3(
    bucket: str, *, events: tuple[str, ...] | list[str] = (CREATED,), prefix: str = "",
    suffix: str = "",
) -> S3:  # fmt: skip
    """Run the function for what happens to a bucket's objects; it is told what in an `S3Object`.

    events: as "ObjectCreated:*", "ObjectRemoved:Delete"
    prefix, suffix: only of keys that begin and end so

    S3 tells of an event at least once, and not always in order; a function that fails is tried
    again by Lambda.

    >>> s3("orders", suffix=".csv").events
    ('ObjectCreated:*',)
    >>> s3("orders", events=["Created"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pelton.handlers.errors.WrongUse: ...s3 event 'Created' is unknown; write it as ...
    """
    if isinstance(events, str):
        raise WrongUse(f"s3 events={events!r} is a string", advice=f"write events=[{events!r}]")
    return S3(bucket, tuple(events), prefix, suffix)
