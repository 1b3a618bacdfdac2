"""What a function needs beside its code's calls: for triggers, its log, what pelton does for it.

Sources: AWS Lambda's developer guide, "Defining Lambda function permissions with an execution role"
(the managed policies of the basic, SQS, Kinesis and VPC access roles), "Capturing records of Lambda
asynchronous invocations", "Giving Lambda functions access to resources in an Amazon VPC", "Working
with X-Ray"; what our runtime calls is in `runtime/aws*.py` and `serving_graph/{brokers,stores}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...builders.assets import assets_of
from ...handlers.function import Function
from ...handlers.secret import is_reference, parts_of
from ...handlers.triggers import DynamoDb, FromBroker, Kinesis, RabbitMQ, Sqs
from ...handlers.triggers.sqs import Handoff
from .arns import Account, arns_of
from .needs import Need
from .reached import steps_of

_LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
_SQS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_CHANGES = (
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
)
_KINESIS = (
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
)
# Lambda makes a function's network interfaces with the function's own role.  Subnets may be other
# accounts' (shared ones), and Describe takes no resource.
_NETWORK = ("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets")
_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:DeleteNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
)
# What Lambda does with the function's role to reach a broker, in whatever network that is.
_BROKER_NETWORK = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
_SENDS = ("sqs:GetQueueUrl", "sqs:SendMessage")
_STORE = ("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem")


def platform_needs(function: Function[..., Any], where: Account) -> Iterator[Need]:
    """What the platform and pelton's runtime need, each with why.

    >>> from pelton import App, sqs
    >>> app = App("doc")
    >>> @app.function(triggers=[sqs("jobs")])
    ... def work(job: str) -> None: ...
    >>> sorted({need.action for need in platform_needs(work, Account())})[:2]
    ['logs:CreateLogGroup', 'logs:CreateLogStream']
    """
    yield from _log(function, where)
    for trigger in function.triggers:
        if isinstance(trigger, Kinesis):
            yield from _on(_KINESIS, stream_arn(trigger.stream, where), f"trigger {trigger.kind}")
        elif isinstance(trigger, DynamoDb):
            arn = trigger.table if trigger.is_arn else table_stream(trigger.table, where)
            yield from _on(_CHANGES, arn, f"trigger {trigger.kind}")
        elif isinstance(trigger, Sqs):
            queue = queue_arn(trigger.queue, where)
            yield from _on(_SQS, queue, f"trigger {trigger.kind}")
            again = ("sqs:ChangeMessageVisibility", "sqs:GetQueueUrl")
            yield from _on(again, queue, "pelton.Retry(after=...)")
        elif isinstance(trigger, RabbitMQ) and trigger.broker:
            yield from _broker(trigger)
        letters = getattr(trigger, "dead_letter", "")
        if letters and not isinstance(trigger, Handoff | FromBroker):
            yield from _on(_SENDS, queue_arn(letters, where), f"dead letters of {trigger.kind}")
    for each in assets_of(function):
        if each.uri.startswith("s3://"):
            arn = f"arn:{where.partition}:s3:::{each.uri.removeprefix('s3://')}"
            yield Need("s3:GetObject", arn, f"asset {each.uri}")
    for sent in function.sends:
        why = f"the graph sends to {sent.queue}"
        if isinstance(sent, Kinesis):
            yield from _on(("kinesis:PutRecords",), stream_arn(sent.queue, where), why)
            if sent.dead_letter:
                yield from _on(_SENDS, queue_arn(sent.dead_letter, where), why)
        else:
            yield from _on(_SENDS, queue_arn(sent.queue, where), why)
            yield from _on(_SENDS, queue_arn(sent.dead_letter, where), why)
    yield from _secrets(function, where)
    yield from _stores(function, where)
    yield from _settings(function, where)


def _broker(trigger: RabbitMQ) -> Iterator[Need]:
    """Source: "Execution role permissions" of AWS's page on Lambda with Amazon MQ."""
    why = f"trigger {trigger.kind}"
    yield Need("mq:DescribeBroker", trigger.broker, why)
    yield Need("secretsmanager:GetSecretValue", trigger.secret, why)
    yield from _on(_BROKER_NETWORK, "*", why)


def _log(function: Function[..., Any], where: Account) -> Iterator[Need]:
    group = _arn("logs", f"log-group:/aws/lambda/{function.name}", where)
    if not function.settings.aws.log_days:
        yield Need("logs:CreateLogGroup", group, "the function's log")
        yield Need("logs:CreateLogGroup", f"{group}:*", "the function's log")
    yield from _on(_LOG, f"{group}:*", "the function's log")


def _secrets(function: Function[..., Any], where: Account) -> Iterator[Need]:
    """Secrets that variables of the environment refer to."""
    for variable, value in function.settings.environment.items():
        if not is_reference(value):
            continue
        store, name, _ = parts_of(value)
        action = "ssm:GetParameter" if store == "ssm" else "secretsmanager:GetSecretValue"
        member = "Name" if store == "ssm" else "SecretId"
        for resource in arns_of(action, {member: name}, where):
            yield Need(action, resource, f"environment {variable}")


def _stores(function: Function[..., Any], where: Account) -> Iterator[Need]:
    """Tables in which steps of a graph keep what they remember."""
    for step in steps_of(function):
        store = getattr(step, "store", "")
        if isinstance(store, str) and store.startswith("dynamodb:"):
            table = _arn("dynamodb", f"table/{store.partition(':')[2]}", where)
            yield from _on(_STORE, table, f"step {step.name} keeps answers")


def _settings(function: Function[..., Any], where: Account) -> Iterator[Need]:
    aws = function.settings.aws
    for name in ("dead_letter", "on_failure", "on_success"):
        if target := getattr(aws, name):
            yield from _destination(target, where, f"aws=pelton.Aws({name}=...)")
    if aws.vpc is not None:
        yield from _network(where)


def _network(where: Account) -> Iterator[Need]:
    yield from _on(_NETWORK, "*", "aws=pelton.Aws(vpc=...)")
    yield from _on(_INTERFACES, _arn("ec2", "*/*", where), "aws=pelton.Aws(vpc=...)")


def _destination(target: str, where: Account, why: str) -> Iterator[Need]:
    """Sending to a queue (by name or ARN), a topic, a bus or a function."""
    service = target.split(":")[2] if target.startswith("arn:") else "sqs"
    action = {
        "sns": "sns:Publish",
        "events": "events:PutEvents",
        "lambda": "lambda:InvokeFunction",
        "s3": "s3:PutObject",
    }.get(service, "sqs:SendMessage")
    arn = target if service != "sqs" else queue_arn(target, where)
    yield Need(action, f"{arn}/*" if service == "s3" else arn, why)


def queue_arn(queue: str, where: Account) -> str:
    """The ARN of a queue that is given by name, URL or ARN.

    >>> queue_arn("https://sqs.eu-west-1.amazonaws.com/1/jobs", Account())
    'arn:aws:sqs:*:*:jobs'
    """
    if queue.startswith("arn:"):
        return queue
    return _arn("sqs", queue.rstrip("/").rpartition("/")[2], where)


def stream_arn(stream: str, where: Account) -> str:
    """The ARN of a stream that is given by name or ARN (a consumer's is its stream's)."""
    if stream.startswith("arn:"):
        return stream.partition("/consumer/")[0]
    return _arn("kinesis", f"stream/{stream}", where)


def table_stream(table: str, where: Account) -> str:
    """The ARN of a table's streams: each time one is switched on, it has another."""
    return _arn("dynamodb", f"table/{table}/stream/*", where)


def _on(actions: tuple[str, ...], resource: str, why: str) -> Iterator[Need]:
    return (Need(each, resource, why) for each in actions)


def _arn(service: str, resource: str, where: Account) -> str:
    return f"arn:{where.partition}:{service}:{where.region}:{where.account}:{resource}"
