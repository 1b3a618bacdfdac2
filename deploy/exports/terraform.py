"""Terraform's JSON syntax, for the provider hashicorp/aws.  Sources: Terraform's "JSON
Configuration Syntax"; the provider's documentation, by resource."""

from __future__ import annotations

import json
from typing import Any

from ..kinds.base import Resource
from ..kinds.broker_mapping import BrokerMapping
from ..kinds.callee import callee
from ..kinds.function import LambdaFunction
from ..kinds.log_group import LogGroup
from ..kinds.permission import Permission
from ..kinds.queue import Queue
from ..kinds.queue_mapping import QueueMapping
from ..kinds.release import Release
from ..kinds.rule import Rule
from ..kinds.stream import Stream
from ..kinds.stream_mapping import StreamMapping
from ..kinds.url import Url
from ..kinds.websocket_api import WebSocketApi
from ..place import Place
from .base import ROLE, Asked, Exported, Names, left_out, said_by, snake, told_name
from .tf_events import Arguments, EventWords, Said, plain

PLATFORM = "lambda"
REGION, ACCOUNT, PARTITION = (
    "${data.aws_region.here.id}",
    "${data.aws_caller_identity.here.account_id}",
    "${data.aws_partition.here.partition}",
)
PLACE = Place(REGION, ACCOUNT, PARTITION, ROLE)
DATA: dict[str, Any] = {
    name: {"here": {}} for name in ("aws_region", "aws_caller_identity", "aws_partition")
}
# With 6.29 came invoked_via_function_url, without which nobody can call a public URL.
PROVIDER = {"source": "hashicorp/aws", "version": ">= 6.29"}


def write(asked: Asked) -> Exported:
    """The configuration, and how it is applied."""
    words = Words(asked)
    resources: dict[str, dict[str, Arguments]] = {}
    for kind, name, arguments in words.all():
        resources.setdefault(kind, {})[name] = arguments
    document = {
        "terraform": {"required_providers": {"aws": PROVIDER}},
        "data": DATA,
        "resource": resources,
        "output": words.outputs(),
    }
    return Exported(
        {"main.tf.json": json.dumps(document, indent=2) + "\n"},
        next=("terraform init", "terraform apply"),
        notes=(*left_out(asked.resources, [each.kind for each in words.kinds]), *words.notes()),
    )


class Words(EventWords):
    """An app's resources in Terraform's words: (type, name, arguments)."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.names = asked, Names(snake, by_kind=True)
        self.kinds = said_by(self)
        self._queues = {PLACE.queue_arn(each.name): each.name for each in asked.of(Queue)}
        self._streams = {PLACE.stream_arn(each.name): each.name for each in asked.of(Stream)}
        self._rules = {PLACE.rule_arn(each.name): each.name for each in asked.of(Rule)}

    def all(self) -> Said:
        for function in self.asked.roles():
            yield from self.role(function)
        for each in self.asked.resources:
            if say := self.kinds.get(type(each)):
                yield from say(each)

    def outputs(self) -> Arguments:
        found: Arguments = {}
        for sockets in self.asked.of(WebSocketApi):
            address = f"{self._api(sockets.name, 'api_endpoint')}/{sockets.stage}"
            found["websocket_address"] = {"value": address}
        for api in self.asked.apis():
            found["api_address"] = {"value": self._api(api.name, "api_endpoint")}
        for each in self.asked.of(Url):
            address = f"${{aws_lambda_function_url.{self.of(each)}.function_url}}"
            found[f"{snake('', each.name.partition(':')[0])}_address"] = {"value": address}
        return found

    def of(self, resource: Resource) -> str:
        return self.names.of(resource.kind, told_name(resource))

    # -- one kind each
    def role(self, function: LambdaFunction) -> Said:
        name, policy = self.names.of("role", function.name), self.asked.policies[function.name]
        yield from self.role_of(name, "lambda.amazonaws.com", policy, function.name)

    def function(self, it: LambdaFunction) -> Said:
        archive = f"${{path.module}}/{self.asked.archives[it.name]}"
        role = f"${{aws_iam_role.{self.names.of('role', it.name)}.arn}}"
        tags = {**it.tags, "pelton:app": self.asked.app, "pelton:digest": it.digest}
        said: Arguments = {
            "function_name": it.name,
            "filename": archive,
            "source_code_hash": f'${{filebase64sha256("{archive}")}}',
            "runtime": it.runtime,
            "handler": it.handler,
            "role": role if it.role == ROLE else it.role,
            "memory_size": it.memory,
            "timeout": it.timeout,
            "architectures": [it.architecture],
            "ephemeral_storage": {"size": it.ephemeral_mb},
            "tags": plain(tags),
        }
        yield "aws_lambda_function", self.of(it), said | self._needed(it) | self._asked_for(it)

    def _needed(self, it: LambdaFunction) -> Arguments:
        """What is made before a function, which Terraform cannot tell from its arguments."""
        before = [
            f"aws_cloudwatch_log_group.{self.of(each)}"
            for each in self.asked.of(LogGroup)
            if each.function == it.name
        ]
        if it.role == ROLE:
            before.append(f"aws_iam_role_policy.{self.names.of('role', it.name)}")
        return {"depends_on": before} if before else {}

    def _asked_for(self, it: LambdaFunction) -> Arguments:
        """What is said of a function only where its settings say something of it."""
        said: Arguments = {}
        if any(each.name == it.name for each in self.asked.of(Release)):
            said["publish"] = True
        if it.description:
            said["description"] = plain(it.description)
        if it.environment:
            said["environment"] = {"variables": plain(it.environment)}
        if layers := [each for each in it.layers if each.startswith("arn:")]:
            said["layers"] = layers
        if it.subnets:
            groups = list(it.security_groups)
            said["vpc_config"] = {"subnet_ids": list(it.subnets), "security_group_ids": groups}
        if it.dead_letter:
            said["dead_letter_config"] = {"target_arn": self.source(it.dead_letter)}
        if it.concurrency is not None:
            said["reserved_concurrent_executions"] = it.concurrency
        return said

    def url(self, it: Url) -> Said:
        said = {**self.qualified(it.name), "authorization_type": "NONE"}
        yield "aws_lambda_function_url", self.of(it), said

    def mapping(self, it: QueueMapping | StreamMapping | BrokerMapping) -> Said:
        said: Arguments = {
            "function_name": self.arn(it.called),
            "event_source_arn": self.source(it.arn),
            "batch_size": it.batch,
        }
        if it.window:
            said["maximum_batching_window_in_seconds"] = it.window
        if it.partial_failures:
            said["function_response_types"] = ["ReportBatchItemFailures"]
        if isinstance(it, BrokerMapping):
            access = it.members()["SourceAccessConfigurations"]
            said["queues"] = [it.queue]
            said["source_access_configuration"] = [
                {"type": each["Type"], "uri": each["URI"]} for each in access
            ]
        if isinstance(it, StreamMapping):
            said["starting_position"] = it.start
            said["maximum_retry_attempts"] = it.retries
            said["bisect_batch_on_function_error"] = it.bisect
            if it.failures:
                failures = {"destination_arn": self.source(it.failures)}
                said["destination_config"] = {"on_failure": failures}
        yield "aws_lambda_event_source_mapping", self.of(it), said

    def source(self, arn: str) -> str:
        """A queue or a stream: of the configuration, or one that must be there."""
        if queue := self._queues.get(arn):
            return f"${{aws_sqs_queue.{self.names.of('queue', queue)}.arn}}"
        if stream := self._streams.get(arn):
            return f"${{aws_kinesis_stream.{self.names.of('stream', stream)}.arn}}"
        return arn

    def rule(self, it: Rule) -> Said:
        name = self.of(it)
        said = {"name": it.name, "schedule_expression": it.expression}
        yield "aws_cloudwatch_event_rule", name, said
        target = {
            "rule": f"${{aws_cloudwatch_event_rule.{name}.name}}",
            "target_id": "function",
            "arn": self.arn(callee(it.arn)),
        }
        yield "aws_cloudwatch_event_target", name, target

    def permission(self, it: Permission) -> Said:
        said: Arguments = {
            "statement_id": it.sid,
            **self.qualified(it.function),
            "action": it.action,
            "principal": it.principal,
        }
        if it.source_arn:
            rule = self._rules.get(it.source_arn)
            said["source_arn"] = (
                f"${{aws_cloudwatch_event_rule.{self.names.of('rule', rule)}.arn}}"
                if rule
                else it.source_arn
            )
        if it.source_account:
            said["source_account"] = it.source_account
        if it.action == "lambda:InvokeFunctionUrl":
            said["function_url_auth_type"] = "NONE"
        elif it.url:
            said["invoked_via_function_url"] = True
        yield "aws_lambda_permission", self.of(it), said

    def queue(self, it: Queue) -> Said:
        said: Arguments = {"name": it.name}
        if it.visibility is not None:
            said["visibility_timeout_seconds"] = it.visibility
        if it.ordered:
            said["fifo_queue"] = True
        if it.dead_letter:
            arn = f"aws_sqs_queue.{self.names.of('queue', it.dead_letter)}.arn"
            said["redrive_policy"] = (
                f"${{jsonencode({{deadLetterTargetArn = {arn}, maxReceiveCount = {it.receives}}})}}"
            )
        yield "aws_sqs_queue", self.of(it), said

    def stream(self, it: Stream) -> Said:
        mode = {"stream_mode": "ON_DEMAND"}
        yield "aws_kinesis_stream", self.of(it), {"name": it.name, "stream_mode_details": mode}
