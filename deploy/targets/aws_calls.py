"""Follows instructions in an AWS account: Lambda, its triggers, and the bucket.

One instruction, one method; what is created is waited for, so that the next instruction finds
it.  Decides nothing: what to do and why is the plan's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .. import instructions as step
from ..instructions import Instruction
from ..states import Code, LambdaFunction, QueueMapping, QueueState, SourceMapping
from . import aws_streams
from .aws import Aws


class AwsCalls:
    """The doer for the platforms `lambda`, `s3`, `sqs` and `kinesis`."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._follow: dict[type[Instruction], Callable[[Any], None]] = {
            step.CreateBucket: self._create_bucket,
            step.UploadArchive: self._upload_archive,
            step.CreateFunction: self._create_function,
            step.UpdateCode: self._update_code,
            step.UpdateConfiguration: self._update_configuration,
            step.SetTags: self._set_tags,
            step.SetConcurrency: self._set_concurrency,
            step.CreateQueue: self._create_queue,
            step.UpdateQueue: self._update_queue,
            step.CreateStream: lambda it: aws_streams.create_stream(self._aws, it),
            step.CreateLetters: self._create_letters,
            step.CreateQueueMapping: self._create_mapping,
            step.CreateStreamMapping: self._create_stream_mapping,
            step.UpdateMapping: self._update_mapping,
            step.DeleteMapping: self._delete_mapping,
            step.CreateUrl: self._create_url,
            step.DeleteUrl: self._delete_url,
            step.PutSchedule: self._put_schedule,
            step.DeleteSchedule: self._delete_schedule,
            step.AddPermission: self._add_permission,
            step.RemovePermission: self._remove_permission,
        }

    def do(self, instruction: Instruction) -> None:
        """Follow one instruction to its end; raises `DeployError` with the platform's words."""
        with self._aws.named(f"function {instruction.function!r}"):
            self._follow[type(instruction)](instruction)

    @property
    def _lambda(self) -> Any:
        return self._aws.client("lambda")

    def _create_bucket(self, it: step.CreateBucket) -> None:
        client = self._aws.client("s3")
        region = client.meta.region_name
        # us-east-1 is the one region that must not be named.
        where = {} if region == "us-east-1" else {"LocationConstraint": region}
        settings = {"CreateBucketConfiguration": where} if where else {}
        client.create_bucket(Bucket=it.bucket, **settings)

    def _upload_archive(self, it: step.UploadArchive) -> None:
        with it.code.path.open("rb") as archive:
            self._aws.client("s3").put_object(Bucket=it.code.bucket, Key=it.code.key, Body=archive)

    def _create_function(self, it: step.CreateFunction) -> None:
        self._lambda.create_function(
            **_configuration(it.wanted),
            Code=_code(it.code),
            Architectures=[it.wanted.architecture],
            Tags=dict(it.wanted.tags),
        )
        self._aws.settle(it.function)

    def _update_code(self, it: step.UpdateCode) -> None:
        self._lambda.update_function_code(
            FunctionName=it.function, Architectures=[it.architecture], **_code(it.code)
        )
        self._aws.settle(it.function)

    def _update_configuration(self, it: step.UpdateConfiguration) -> None:
        self._lambda.update_function_configuration(**_configuration(it.wanted))
        self._aws.settle(it.function)

    def _set_tags(self, it: step.SetTags) -> None:
        arn = self._arn(it.function)
        if it.removed:
            self._lambda.untag_resource(Resource=arn, TagKeys=list(it.removed))
        if it.tags:
            self._lambda.tag_resource(Resource=arn, Tags=dict(it.tags))

    def _set_concurrency(self, it: step.SetConcurrency) -> None:
        if it.concurrency is None:
            self._lambda.delete_function_concurrency(FunctionName=it.function)
        else:
            self._lambda.put_function_concurrency(
                FunctionName=it.function, ReservedConcurrentExecutions=it.concurrency
            )

    def _create_queue(self, it: step.CreateQueue) -> None:
        more = {"FifoQueue": "true"} if it.queue.ordered else {}
        attributes = {**self._queue_attributes(it.queue), **more}
        self._aws.client("sqs").create_queue(QueueName=it.queue.name, Attributes=attributes)

    def _update_queue(self, it: step.UpdateQueue) -> None:
        sqs = self._aws.client("sqs")
        url = sqs.get_queue_url(QueueName=it.queue.name)["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes=self._queue_attributes(it.queue))

    def _queue_attributes(self, queue: QueueState) -> dict[str, str]:
        """What the queue is to have; its dead-letter queue is made on the way."""
        sqs = self._aws.client("sqs")
        more = {"FifoQueue": "true"} if queue.ordered else {}
        url = sqs.create_queue(QueueName=queue.dead_letter, Attributes=more)["QueueUrl"]
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        policy = {"deadLetterTargetArn": told["QueueArn"], "maxReceiveCount": queue.receives}
        return {
            "VisibilityTimeout": str(queue.visibility),
            "RedrivePolicy": json.dumps(policy),
        }

    def _create_letters(self, it: step.CreateLetters) -> None:
        self._aws.client("sqs").create_queue(QueueName=it.queue)

    def _create_mapping(self, it: step.CreateQueueMapping) -> None:
        self._lambda.create_event_source_mapping(
            EventSourceArn=it.mapping.arn, FunctionName=it.function, **_mapping(it.mapping)
        )

    def _create_stream_mapping(self, it: step.CreateStreamMapping) -> None:
        self._lambda.create_event_source_mapping(
            EventSourceArn=it.mapping.arn,
            FunctionName=it.function,
            StartingPosition=it.mapping.start,
            **_mapping(it.mapping),
        )

    def _update_mapping(self, it: step.UpdateMapping) -> None:
        self._lambda.update_event_source_mapping(UUID=it.mapping.uuid, **_mapping(it.mapping))

    def _delete_mapping(self, it: step.DeleteMapping) -> None:
        self._lambda.delete_event_source_mapping(UUID=it.mapping.uuid)

    def _create_url(self, it: step.CreateUrl) -> None:
        self._lambda.create_function_url_config(FunctionName=it.function, AuthType="NONE")

    def _delete_url(self, it: step.DeleteUrl) -> None:
        self._lambda.delete_function_url_config(FunctionName=it.function)

    def _put_schedule(self, it: step.PutSchedule) -> None:
        events = self._aws.client("events")
        rule, expression = it.schedule.rule, it.schedule.expression
        events.put_rule(Name=rule, ScheduleExpression=expression, State="ENABLED")
        target = {"Id": "function", "Arn": self._arn(it.function)}
        events.put_targets(Rule=rule, Targets=[target])

    def _delete_schedule(self, it: step.DeleteSchedule) -> None:
        events = self._aws.client("events")
        events.remove_targets(Rule=it.schedule.rule, Ids=["function"])
        events.delete_rule(Name=it.schedule.rule)

    def _add_permission(self, it: step.AddPermission) -> None:
        said = it.statement
        more: dict[str, Any] = {}
        if said.source_arn:
            more["SourceArn"] = said.source_arn
        if said.action == "lambda:InvokeFunctionUrl":
            more["FunctionUrlAuthType"] = "NONE"
        elif said.url:
            more["InvokedViaFunctionUrl"] = True
        self._lambda.add_permission(
            FunctionName=it.function,
            StatementId=said.sid,
            Action=said.action,
            Principal=said.principal,
            **more,
        )

    def _remove_permission(self, it: step.RemovePermission) -> None:
        self._lambda.remove_permission(FunctionName=it.function, StatementId=it.statement.sid)

    def _arn(self, name: str) -> str:
        found = self._lambda.get_function_configuration(FunctionName=name)
        return str(found["FunctionArn"])


def _configuration(wanted: LambdaFunction) -> dict[str, Any]:
    return {
        "FunctionName": wanted.name,
        "Runtime": wanted.runtime,
        "Handler": wanted.handler,
        "Role": wanted.role,
        "MemorySize": wanted.memory,
        "Timeout": wanted.timeout,
        "Description": wanted.description,
        "EphemeralStorage": {"Size": wanted.ephemeral_mb},
        "Environment": {"Variables": dict(wanted.environment)},
    }


def _code(code: Code) -> dict[str, Any]:
    if code.bucket:
        return {"S3Bucket": code.bucket, "S3Key": code.key}
    return {"ZipFile": code.path.read_bytes()}


def _mapping(mapping: SourceMapping) -> dict[str, Any]:
    if not isinstance(mapping, QueueMapping):
        return aws_streams.members(mapping)
    return {
        "BatchSize": mapping.batch,
        "MaximumBatchingWindowInSeconds": mapping.window,
        "FunctionResponseTypes": ["ReportBatchItemFailures"] if mapping.partial_failures else [],
    }
