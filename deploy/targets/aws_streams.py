"""Kinesis in an AWS account: whether a stream is there, making one, and mappings as Lambda says
and takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...handlers.triggers.kinesis import stream_name
from .. import instructions as step
from ..states import StreamMapping

if TYPE_CHECKING:
    from .aws import Aws


def has_stream(aws: Aws, stream: str) -> bool:
    """Whether a stream is there, by its name or ARN (a consumer's is its stream's)."""
    client = aws.client("kinesis")
    named = stream.partition("/consumer/")[0]
    which = {"StreamARN": named} if named.startswith("arn:") else {"StreamName": named}
    with aws.named(f"stream {stream}"):
        try:
            client.describe_stream_summary(**which)
        except client.exceptions.ResourceNotFoundException:
            return False
    return True


def create_stream(aws: Aws, it: step.CreateStream) -> None:
    """Make a stream that grows with what is put there; come back when it can be read."""
    client = aws.client("kinesis")
    mode = {"StreamMode": "ON_DEMAND"}
    client.create_stream(StreamName=it.stream, StreamModeDetails=mode)
    pace = {"Delay": 1, "MaxAttempts": 300}
    client.get_waiter("stream_exists").wait(StreamName=it.stream, WaiterConfig=pace)


def read_mapping(each: dict[str, Any]) -> StreamMapping:
    """A mapping as Lambda says it."""
    source = each["EventSourceArn"]
    failures = (each.get("DestinationConfig") or {}).get("OnFailure") or {}
    return StreamMapping(
        stream=stream_name(source),
        arn=source,
        batch=each["BatchSize"],
        window=each.get("MaximumBatchingWindowInSeconds", 0),
        retries=each.get("MaximumRetryAttempts", -1),
        failures=failures.get("Destination", ""),
        bisect=bool(each.get("BisectBatchOnFunctionError")),
        partial_failures="ReportBatchItemFailures" in each.get("FunctionResponseTypes", []),
        start=each.get("StartingPosition", ""),
        uuid=each["UUID"],
    )


def members(mapping: StreamMapping) -> dict[str, Any]:
    """A mapping as Lambda takes it; a new one needs its `StartingPosition`, too."""
    return {
        "BatchSize": mapping.batch,
        "MaximumBatchingWindowInSeconds": mapping.window,
        "MaximumRetryAttempts": mapping.retries,
        "BisectBatchOnFunctionError": mapping.bisect,
        "DestinationConfig": {
            "OnFailure": {"Destination": mapping.failures} if mapping.failures else {}
        },
        "FunctionResponseTypes": ["ReportBatchItemFailures"] if mapping.partial_failures else [],
    }
