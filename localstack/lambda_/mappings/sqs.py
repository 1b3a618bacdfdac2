"""SQS queues, standard and FIFO: what a mapping of one takes, and what a message becomes."""

from __future__ import annotations

from typing import Any

from ..errors import invalid
from .base import Kind, Mapped

FIFO_MOST = 10
# Provisioned mode: event pollers, each good for so many batches at once (AWS's page on scaling).
BATCHES_A_POLLER = 10


def is_fifo(arn: str) -> bool:
    return arn.endswith(".fifo")


def check(mapped: Mapped) -> None:
    size, window = mapped["BatchSize"], mapped["MaximumBatchingWindowInSeconds"]
    fifo = is_fifo(mapped["EventSourceArn"])
    if fifo and size > FIFO_MOST:
        raise invalid(f"BatchSize must be at most {FIFO_MOST} for this queue.")
    if fifo and window:
        raise invalid("Batching window is not supported for FIFO queues.")
    if size > FIFO_MOST and not window:
        raise invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10"
        )
    pollers = mapped.get("ProvisionedPollerConfig")
    if pollers:
        _check_provisioned(mapped, pollers)


def _check_provisioned(mapped: Mapped, pollers: Mapped) -> None:
    if mapped.get("ScalingConfig"):
        raise invalid("ProvisionedPollerConfig and ScalingConfig cannot be used together.")
    if pollers.get("PollerGroupName"):
        raise invalid("Unsupported PollerGroupName parameter for given event source mapping type.")
    least, most = pollers.get("MinimumPollers", 2), pollers.get("MaximumPollers", 200)
    if not 2 <= least <= 200 or not 2 <= most <= 2000 or least > most:
        raise invalid(
            "MinimumPollers must be between 2 and 200, MaximumPollers between 2 and 2000 and not "
            "less than MinimumPollers."
        )


KIND = Kind(
    name="sqs",
    defaults={
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
    },
    takes=frozenset({"FilterCriteria", "ScalingConfig", "ProvisionedPollerConfig"}),
    reason="USER_INITIATED",
    conflict='An event source mapping with SQS arn (" {arn} ") and function (" {function} ") '
    "already exists.",
    check=check,
)


def record_of(message: dict[str, Any], arn: str, region: str) -> dict[str, Any]:
    """A received message as the record that Lambda hands over."""
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes") or {},
        "messageAttributes": {
            name: _attribute(value)
            for name, value in (message.get("MessageAttributes") or {}).items()
        },
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    told = {
        "stringValue": value.get("StringValue"),
        "binaryValue": value.get("BinaryValue"),
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }
    return {name: each for name, each in told.items() if each is not None}
