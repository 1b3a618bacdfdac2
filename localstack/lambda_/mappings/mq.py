"""Amazon MQ: the arguments are checked as on AWS, then the source is refused."""

from __future__ import annotations

from ..errors import invalid
from .base import Kind, Mapped


def _check(mapped: Mapped) -> None:
    if not mapped.get("Queues"):
        raise invalid("Queues must be specified for this event source.")
    if not mapped.get("SourceAccessConfigurations"):
        raise invalid("Required 'sourceAccessConfigurations' parameter is missing.")
    given = {each.get("Type") for each in mapped["SourceAccessConfigurations"]}
    if "BASIC_AUTH" not in given:
        raise invalid("SourceAccessConfigurations of this event source need BASIC_AUTH.")


KIND = Kind(
    name="mq",
    defaults={"BatchSize": 100, "MaximumBatchingWindowInSeconds": 0},
    takes=frozenset({"Queues", "SourceAccessConfigurations", "FilterCriteria"}),
    check=_check,
    refused="The pelton emulator does not speak to message brokers: it does not support event "
    "source mappings for Amazon MQ.",
)
