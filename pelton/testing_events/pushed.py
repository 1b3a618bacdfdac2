"""What AWS sends to a Lambda function by itself: schedules, buckets, topics, buses."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from .bodies import written


def cron(
    detail: Mapping[str, Any] | None = None, *, time: str = "2026-01-01T00:00:00Z"
) -> dict[str, Any]:
    """A scheduled event as EventBridge delivers it; `time` is when it was due.

    >>> cron()["detail-type"]
    'Scheduled Event'
    """
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": time,
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:000000000000:rule/test"],
        "detail": dict(detail or {}),
    }


def s3(
    key: str = "key",
    *,
    bucket: str = "bucket",
    event: str = "ObjectCreated:Put",
    size: int = 3,
    version: str = "",
) -> dict[str, Any]:
    """What S3 tells a function of one object.

    >>> s3("a b")["Records"][0]["s3"]["object"]["key"]
    'a+b'
    """
    thing: dict[str, Any] = {"key": quote_plus(key, safe="/"), "sequencer": "0A1B2C3D4E5F678901"}
    if not event.startswith("ObjectRemoved"):
        thing |= {"size": size, "eTag": "d41d8cd98f00b204e9800998ecf8427e"}
    if version:
        thing["versionId"] = version
    return {
        "Records": [
            {
                "eventVersion": "2.6",
                "eventSource": "aws:s3",
                "awsRegion": "us-east-1",
                "eventTime": "2026-01-01T00:00:00.000Z",
                "eventName": event,
                "userIdentity": {"principalId": "TEST"},
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {"x-amz-request-id": "0", "x-amz-id-2": "0"},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "test",
                    "bucket": {
                        "name": bucket,
                        "ownerIdentity": {"principalId": "TEST"},
                        "arn": f"arn:aws:s3:::{bucket}",
                    },
                    "object": thing,
                },
            }
        ]
    }


def sns(
    body: Any,
    *,
    topic: str = "topic",
    subject: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A message as SNS pushes it to a function.

    >>> sns({"a": 1})["Records"][0]["Sns"]["Message"]
    '{"a": 1}'
    """
    arn = f"arn:aws:sns:us-east-1:000000000000:{topic}"
    told = {name: {"Type": "String", "Value": v} for name, v in (attributes or {}).items()}
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{arn}:{uuid.UUID(int=0)}",
                "Sns": {
                    "Type": "Notification",
                    "MessageId": str(uuid.uuid4()),
                    "TopicArn": arn,
                    "Subject": subject,
                    "Message": written(body),
                    "Timestamp": "2026-01-01T00:00:00.000Z",
                    "MessageAttributes": told,
                },
            }
        ]
    }


def eventbridge(
    detail: Mapping[str, Any], *, source: str = "test", detail_type: str = "Test"
) -> dict[str, Any]:
    """An event of a bus as EventBridge pushes it to a function.

    >>> eventbridge({"a": 1}, detail_type="Ordered")["detail-type"]
    'Ordered'
    """
    return {**cron(detail), "detail-type": detail_type, "source": source, "resources": []}
