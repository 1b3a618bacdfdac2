"""Which IAM actions a call of an API needs.

Most operations need the action of their own name.  Those that do not are here, service by service.
Sources: the pages of the Service Authorization Reference ("Actions, resources, and condition keys
for ..."); for S3 also "Required permissions for Amazon S3 API operations" of its user guide; for
DynamoDB "Amazon DynamoDB API permissions" and "IAM security policies with PartiQL"; for Lambda
"Identity-based IAM policies"; for Bedrock "Converse" and "ConverseStream" of its API reference.
"""

from __future__ import annotations

from collections.abc import Mapping

from .services import Service

_S3 = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject GetObject",
    "CreateMultipartUpload": "PutObject",
    "CreateSession": "CreateSession",
    "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectAttributes": "GetObject GetObjectAttributes",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject GetObject",
}
_PARTIQL = "PartiQLSelect PartiQLInsert PartiQLUpdate PartiQLDelete"
_OTHERS: dict[str, dict[str, str]] = {
    "s3": _S3,
    "dynamodb": {
        "BatchExecuteStatement": _PARTIQL,
        "DescribeEndpoints": "",
        "ExecuteStatement": _PARTIQL,
        "ExecuteTransaction": _PARTIQL,
        "TransactGetItems": "GetItem",
        "TransactWriteItems": "PutItem UpdateItem DeleteItem ConditionCheckItem",
    },
    "lambda": {
        "Invoke": "InvokeFunction",
        "InvokeAsync": "InvokeFunction",
        "InvokeWithResponseStream": "InvokeFunction",
    },
    "sqs": {
        "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
        "DeleteMessageBatch": "DeleteMessage",
        "SendMessageBatch": "SendMessage",
    },
    "sns": {"PublishBatch": "Publish"},
    "secretsmanager": {"BatchGetSecretValue": "BatchGetSecretValue GetSecretValue"},
    "sts": {"GetCallerIdentity": "", "GetSessionToken": "", "GetAccessKeyInfo": "GetAccessKeyInfo"},
    "bedrock-runtime": {
        "Converse": "InvokeModel",
        "ConverseStream": "InvokeModelWithResponseStream",
    },
    "sagemaker-runtime": {
        "InvokeEndpointWithResponseStream": "InvokeEndpoint",
    },
    "sesv2": {"SendEmail": "SendEmail SendRawEmail SendTemplatedEmail"},
    "cloudwatch": {"GetMetricWidgetImage": "GetMetricWidgetImage"},
    "kms": {"ReEncrypt": "ReEncryptFrom ReEncryptTo"},
}
# What a call needs where it is given a member, beside what it needs anyway.
_WITH: dict[tuple[str, str, str], str] = {
    ("s3", "GetObject", "VersionId"): "GetObjectVersion",
    ("s3", "HeadObject", "VersionId"): "GetObjectVersion",
    ("s3", "DeleteObject", "VersionId"): "DeleteObjectVersion",
    ("s3", "PutObject", "ACL"): "PutObjectAcl",
    ("s3", "PutObject", "Tagging"): "PutObjectTagging",
    ("s3", "CopyObject", "ACL"): "PutObjectAcl",
    ("s3", "CopyObject", "Tagging"): "PutObjectTagging",
    ("sqs", "CreateQueue", "tags"): "TagQueue",
}
# Calls that hand a role on; the role is in that member.
_PASSES = {
    ("lambda", "CreateFunction"): "Role",
    ("stepfunctions", "CreateStateMachine"): "roleArn",
    ("scheduler", "CreateSchedule"): "Target",
    ("ecs", "RunTask"): "overrides",
    ("glue", "CreateJob"): "Role",
    ("sagemaker", "CreateTrainingJob"): "RoleArn",
}
PASS_ROLE = "iam:PassRole"


def actions_of(service: Service, operation: str, given: Mapping[str, object]) -> tuple[str, ...]:
    """The actions that a call needs; none for one that everybody may make.

    given: the members that the call is given, by name

    >>> from .services import service
    >>> actions_of(service("s3"), "ListObjectsV2", {})
    ('s3:ListBucket',)
    >>> actions_of(service("s3"), "PutObject", {"ACL": "private"})
    ('s3:PutObject', 's3:PutObjectAcl')
    """
    name, prefix = service.name, service.prefix
    if name in ("apigateway", "apigatewayv2"):
        return (f"apigateway:{service.http(operation)}",)  # its actions are HTTP's own methods
    if name == "apigatewaymanagementapi":
        return ("execute-api:ManageConnections",)
    words = _OTHERS.get(name, {}).get(operation, operation).split()
    for (of, asked, member), more in _WITH.items():
        if (of, asked) == (name, operation) and member in given:
            words.append(more)
    found = [f"{prefix}:{each}" for each in words]
    if (name, operation) in _PASSES:
        found.append(PASS_ROLE)
    return tuple(found)


def passed_role(service: str, operation: str) -> str:
    """The member with the role that a call hands on; "" where it hands on none."""
    return _PASSES.get((service, operation), "")
