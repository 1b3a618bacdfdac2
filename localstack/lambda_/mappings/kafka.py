"""Kafka, self-managed and MSK: the arguments are checked as on AWS, then the source is refused."""

from __future__ import annotations

from ..errors import invalid
from .base import Kind, Mapped

_DEFAULTS = {"BatchSize": 100, "MaximumBatchingWindowInSeconds": 0}
_TAKES = frozenset(
    {
        "StartingPosition", "StartingPositionTimestamp", "FilterCriteria", "Topics",
        "SourceAccessConfigurations", "DestinationConfig", "ProvisionedPollerConfig",
    }
)  # fmt: skip


def _check(mapped: Mapped) -> None:
    if not mapped.get("Topics"):
        raise invalid("Topics must be specified for this event source.")
    if mapped.get("StartingPosition") is None:
        raise invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null."
        )


def _check_self_managed(mapped: Mapped) -> None:
    endpoints = mapped["SelfManagedEventSource"].get("Endpoints", {})
    if not endpoints.get("KAFKA_BOOTSTRAP_SERVERS"):
        raise invalid("Endpoints of a self-managed event source need KAFKA_BOOTSTRAP_SERVERS.")
    if not mapped.get("SourceAccessConfigurations"):
        raise invalid("Required 'sourceAccessConfigurations' parameter is missing.")
    _check(mapped)


MSK = Kind(
    name="kafka",
    defaults=_DEFAULTS,
    takes=_TAKES | {"AmazonManagedKafkaEventSourceConfig"},
    check=_check,
    refused="The pelton emulator has no Amazon MSK clusters: it does not support event source "
    "mappings for kafka.",
)
SELF_MANAGED = Kind(
    name="self-managed kafka",
    defaults=_DEFAULTS,
    takes=_TAKES | {"SelfManagedEventSource", "SelfManagedKafkaEventSourceConfig"},
    check=_check_self_managed,
    refused="The pelton emulator does not speak to Kafka brokers: it does not support event "
    "source mappings for self-managed Apache Kafka.",
)
