"""On which resources an action works: the ARN that a call's members name.

A template's `{name}` is the member that gives it; what a call does not say is `*`.  Sources: the
table "Resource types" on each page of the Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .values import ANY

# Actions that work on no resource that could be named: IAM takes "*" for them alone.
_WIDE = {
    "cloudwatch:PutMetricData", "cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics",
    "cloudwatch:ListMetrics", "dynamodb:ListTables", "dynamodb:ListStreams", "ec2:*",
    "kinesis:ListStreams", "lambda:ListFunctions", "s3:ListAllMyBuckets",
    "secretsmanager:ListSecrets", "secretsmanager:BatchGetSecretValue",
    "secretsmanager:GetRandomPassword", "sns:ListTopics", "sqs:ListQueues",
    "ssm:DescribeParameters", "states:ListStateMachines", "xray:PutTelemetryRecords",
    "xray:PutTraceSegments", "rekognition:DetectLabels", "textract:DetectDocumentText",
    "textract:AnalyzeDocument", "comprehend:DetectSentiment", "translate:TranslateText",
    "polly:SynthesizeSpeech",
}  # fmt: skip
_CONNECTIONS = "execute-api:ManageConnections"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose resources they are; `*` where that is not known."""

    partition: str = "aws"
    region: str = ANY
    account: str = ANY


# By prefix: (member that names the resource, template), the first that a call has.
_TEMPLATES: dict[str, tuple[tuple[str, str], ...]] = {
    "dynamodb": (("TableName", "table/{}"),),
    "kinesis": (("StreamARN", "{}"), ("StreamName", "stream/{}")),
    "firehose": (("DeliveryStreamName", "deliverystream/{}"),),
    "lambda": (("FunctionName", "function:{}"),),
    "sqs": (("QueueUrl", "{}"), ("QueueName", "{}")),
    "sns": (("TopicArn", "{}"), ("TargetArn", "{}"), ("Name", "{}")),
    "secretsmanager": (("SecretId", "secret:{}-??????"), ("Name", "secret:{}-??????")),
    "ssm": (("Name", "parameter/{}"), ("Names", "parameter/{}"), ("Path", "parameter/{}/*")),
    "events": (("EventBusName", "event-bus/{}"), ("Name", "rule/{}"), ("Rule", "rule/{}")),
    "states": (
        ("stateMachineArn", "stateMachine:{}"),
        ("executionArn", "execution:{}"),
        ("activityArn", "activity:{}"),
    ),
    "logs": (("logGroupName", "log-group:{}:*"),),
    "kms": (("KeyId", "key/{}"),),
    "sagemaker": (("EndpointName", "endpoint/{}"),),
    "bedrock": (("modelId", "foundation-model/{}"),),
    "scheduler": (("Name", "schedule/*/{}"),),
    "athena": (("WorkGroup", "workgroup/{}"),),
    "appconfig": (("ApplicationIdentifier", "application/{}/*"),),
    "sts": (("RoleArn", "{}"),),
    "cognito-idp": (("UserPoolId", "userpool/{}"),),
    "ses": (("Source", "identity/{}"), ("FromEmailAddress", "identity/{}")),
    "ecs": (("taskDefinition", "task-definition/{}:*"), ("cluster", "cluster/{}")),
}
# Services whose ARNs have no region, or neither region nor account.
_GLOBAL = {"iam", "sts"}


def arns_of(action: str, given: Mapping[str, str], where: Account) -> tuple[str, ...]:
    """The ARNs that an action is needed on.

    given: what the call's members say, with `*` in what cannot be told

    >>> arns_of("s3:GetObject", {"Bucket": "orders", "Key": "*"}, Account())
    ('arn:aws:s3:::orders/*',)
    >>> arns_of("dynamodb:PutItem", {"TableName": "t"}, Account("aws", "eu-west-1", "1"))
    ('arn:aws:dynamodb:eu-west-1:1:table/t',)
    """
    prefix = action.partition(":")[0]
    if action in _WIDE:
        return (ANY,)
    if action == _CONNECTIONS:  # of whichever API: its id is made when it is
        return (_arn("execute-api", "*/@connections/*", where),)
    if prefix == "s3":
        return _s3(action, given, where)
    for member, template in _TEMPLATES.get(prefix, ()):
        if member in given:
            return _named(action, template, given[member], given, where)
    if prefix in _TEMPLATES and prefix not in ("sts", "ses", "logs", "events", "kms"):
        least = _TEMPLATES[prefix][0][1]
        return _named(action, least, ANY, given, where)
    return (ANY,)


def names_nothing(action: str) -> bool:
    """Whether the action cannot be kept to a resource.

    >>> names_nothing("cloudwatch:PutMetricData"), names_nothing("s3:GetObject")
    (True, False)
    """
    return action in _WIDE or action == _CONNECTIONS


def _named(
    action: str, template: str, value: str, given: Mapping[str, str], where: Account
) -> tuple[str, ...]:
    prefix = action.partition(":")[0]
    if value.startswith("arn:"):
        return (value,)
    name = value
    if prefix == "sqs":
        name = value.rstrip("/").rpartition("/")[2]
    if prefix == "ssm":
        name = value.strip("/")
    if prefix == "lambda":
        # A version or an alias stands behind the name, and is another resource.
        name, _, qualifier = value.partition(":")
        found = [f"function:{name}"]
        if "Qualifier" in given or qualifier:
            found.append(f"function:{name}:{qualifier or given['Qualifier']}")
        return tuple(_arn(prefix, each, where) for each in found)
    if prefix == "secretsmanager" and value == ANY:
        return (_arn(prefix, "secret:*", where),)
    if prefix == "bedrock":
        return (f"arn:{where.partition}:bedrock:{where.region}::foundation-model/{value}",)
    found_arn = _arn(prefix, template.format(name), where)
    if prefix == "dynamodb" and action.endswith((":Query", ":Scan")) and "IndexName" in given:
        return (f"{found_arn}/index/{given['IndexName']}",)
    return (found_arn,)


def _arn(service: str, resource: str, where: Account) -> str:
    region = "" if service in _GLOBAL else where.region
    return f"arn:{where.partition}:{service}:{region}:{where.account}:{resource}"


def _s3(action: str, given: Mapping[str, str], where: Account) -> tuple[str, ...]:
    """Buckets have neither region nor account; objects are below them."""
    word = action.partition(":")[2]
    bucket = given.get("Bucket", ANY)
    if bucket.startswith("arn:"):
        bucket = bucket.rpartition(":")[2]
    ours = f"arn:{where.partition}:s3:::{bucket}"
    on_objects = "Object" in word or word in ("AbortMultipartUpload", "ListMultipartUploadParts")
    if "BucketObjectLock" in word or not on_objects:
        return (ours,)
    return (f"{ours}/{given.get('Key', ANY)}",)
