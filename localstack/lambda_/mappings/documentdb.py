"""DocumentDB change streams: the arguments are checked as on AWS, then the source is refused."""

from __future__ import annotations

from ..errors import invalid
from .base import Kind, Mapped


def _check(mapped: Mapped) -> None:
    if not mapped.get("DocumentDBEventSourceConfig", {}).get("DatabaseName"):
        raise invalid("DocumentDBEventSourceConfig needs a DatabaseName for this event source.")
    if mapped.get("StartingPosition") is None:
        raise invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null."
        )


KIND = Kind(
    name="documentdb",
    defaults={"BatchSize": 100, "MaximumBatchingWindowInSeconds": 0},
    takes=frozenset(
        {
            "StartingPosition", "StartingPositionTimestamp", "FilterCriteria",
            "SourceAccessConfigurations", "DocumentDBEventSourceConfig",
        }
    ),
    check=_check,
    refused="The pelton emulator has no DocumentDB clusters: it does not support event source "
    "mappings for documentdb.",
)  # fmt: skip
