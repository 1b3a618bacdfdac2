"""Which source a mapping is of, and the rules that hold for all: the only list of sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import invalid
from . import documentdb, dynamodb, kafka, kinesis, mq, sqs
from .base import Kind, Mapped, unsupported
from .filters import BadPattern, patterns_of, wanted

# By the service in the source's ARN.
_KINDS: Mapping[str, Kind] = {
    "sqs": sqs.KIND,
    "kinesis": kinesis.KIND,
    "dynamodb": dynamodb.KIND,
    "kafka": kafka.MSK,
    "mq": mq.KIND,
    "rds": documentdb.KIND,
}
# What is of the mapping itself, whatever the source.
_OF_ALL = frozenset(
    {"FunctionName", "EventSourceArn", "Enabled", "Tags", "UUID",
     "BatchSize", "MaximumBatchingWindowInSeconds"}
)  # fmt: skip
# Of every source on AWS, and not here: refused by name when they hold something.
NOT_HERE = ("KMSKeyArn", "MetricsConfig", "LoggingConfig")
_FILTERS_MOST = 10
_EMPTY: tuple[Any, ...] = (None, "", [], {}, {"Metrics": []})
# Members that may be taken away again by an update that gives nothing.
CLEARABLE = ("FilterCriteria", "ScalingConfig", "ProvisionedPollerConfig")


def kind_of(mapped: Mapped) -> Kind:
    """The source that a request or a mapping names.

    Raises InvalidParameterValueException for none, and for one that AWS does not know either.
    """
    arn = mapped.get("EventSourceArn") or ""
    if not arn:
        if mapped.get("SelfManagedEventSource"):
            return kafka.SELF_MANAGED
        raise invalid("Unrecognized event source.")
    found = _KINDS.get(arn.split(":")[2] if arn.startswith("arn:") else "")
    if found is None or not _has_shape(arn):
        raise invalid("Unrecognized event source.")
    return found


def _has_shape(arn: str) -> bool:
    """Whether the resource of an ARN is one that can be a source."""
    service, resource = arn.split(":")[2], arn.split(":", 5)[-1]
    if service == "kinesis":
        return resource.startswith("stream/")
    if service == "dynamodb":
        parts = resource.split("/")
        return len(parts) == 4 and parts[0] == "table" and parts[2] == "stream"
    return bool(resource)


def chosen(kind: Kind, values: Mapped) -> dict[str, Any]:
    """The settings that a request gives, checked one by one.

    Raises InvalidParameterValueException for one that the source does not have, or not here.
    """
    for name in NOT_HERE:
        if values.get(name) not in _EMPTY:
            raise invalid(f"The pelton emulator does not support {name} of event source mappings.")
    allowed = kind.settings
    for name, value in values.items():
        if name not in allowed | _OF_ALL and name not in NOT_HERE and value not in _EMPTY:
            raise unsupported(name)
    found = {name: values[name] for name in allowed if values.get(name) is not None}
    _check_filters(found)
    return found


def check(kind: Kind, mapped: Mapped) -> None:
    """The rules on a whole mapping.  Raises InvalidParameterValueException."""
    if mapped["BatchSize"] > kind.most:
        raise invalid(f"BatchSize must be at most {kind.most} for this event source.")
    kind.check(mapped)
    if kind.refused:
        raise invalid(kind.refused)


def _check_filters(found: Mapped) -> None:
    patterns = patterns_of(found)
    if len(patterns) > _FILTERS_MOST:
        raise invalid(f"A FilterCriteria may have at most {_FILTERS_MOST} filters.")
    try:
        wanted(patterns)
    except BadPattern:
        raise invalid("Invalid filter pattern definition.") from None
