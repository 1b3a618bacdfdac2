"""Plain CloudFormation.  Source: the "Template reference" of AWS CloudFormation, by resource type.

Archives are uploaded before: their bucket is the template's one parameter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..kinds.base import Resource
from ..kinds.broker_mapping import BrokerMapping
from ..kinds.callee import callee
from ..kinds.function import LambdaFunction
from ..kinds.log_group import LogGroup
from ..kinds.permission import Permission
from ..kinds.queue import Queue
from ..kinds.queue_mapping import QueueMapping
from ..kinds.rule import Rule
from ..kinds.stream import Stream
from ..kinds.stream_mapping import StreamMapping
from ..kinds.url import Url
from ..kinds.websocket_api import WebSocketApi
from ..place import Place
from .base import ROLE, Asked, Exported, Names, camel, left_out, said_by, told_name
from .cfn_events import EventWords, Properties, Said, filled, get, ref, trusting

PLATFORM = "lambda"
PLACE = Place("${AWS::Region}", "${AWS::AccountId}", "${AWS::Partition}", ROLE)
FORMAT = {"AWSTemplateFormatVersion": "2010-09-09"}
BUCKET = {
    "Type": "String",
    "Description": "The bucket that has the archives of the folder artifacts.",
}


def write(asked: Asked) -> Exported:
    """The template, and how it is deployed."""
    words = Words(asked)
    resources = dict(words.all())
    document = {
        **FORMAT,
        "Description": f"The functions of {asked.app}.",
        "Parameters": {"ArtifactBucket": BUCKET},
        "Resources": resources,
        "Outputs": words.outputs(),
    }
    return Exported(
        {"template.json": json.dumps(document, indent=2) + "\n"},
        next=(
            "aws s3 sync artifacts s3://BUCKET",
            f"aws cloudformation deploy --stack-name {asked.app} --template-file template.json "
            "--capabilities CAPABILITY_IAM --parameter-overrides ArtifactBucket=BUCKET",
        ),
        notes=left_out(asked.resources, [each.kind for each in words.kinds]),
    )


class Words(EventWords):
    """An app's resources in CloudFormation's words; SAM says some of them in its own."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.names = asked, Names(camel)
        self.kinds = said_by(self)
        self._arns = {self._arn_of(each): each for each in asked.of(Queue)}
        self._streams = {PLACE.stream_arn(each.name): each for each in asked.of(Stream)}
        self._rules = {PLACE.rule_arn(each.name): each for each in asked.of(Rule)}

    def all(self) -> Iterator[tuple[str, Properties]]:
        for function in self.asked.roles():
            yield self.names.of("role", function.name), self.role(function)
        for each in self.asked.resources:
            if say := self.kinds.get(type(each)):
                said = say(each)
                if isinstance(said, tuple):
                    kind, properties, *more = said
                    body = {"Type": kind, **(more[0] if more else {}), "Properties": properties}
                    yield self.of(each), body
                else:
                    yield from said

    def of(self, resource: Resource) -> str:
        return self.names.of(resource.kind, told_name(resource))

    def outputs(self) -> Properties:
        found: Properties = {}
        for api in self.asked.apis()[:1]:  # an app has one
            address = get(self.names.of("http_api", api.name), "ApiEndpoint")
            found["ApiAddress"] = {"Value": address}
        for sockets in self.asked.of(WebSocketApi)[:1]:
            name = self.names.of(sockets.kind, sockets.name)
            address = {"Fn::Sub": f"${{{name}.ApiEndpoint}}/{sockets.stage}"}
            found["WebSocketAddress"] = {"Value": address}
        for each in self.asked.of(Url):
            address = get(self.names.of("url", each.name), "FunctionUrl")
            found[f"{camel('', each.name.partition(':')[0])}Address"] = {"Value": address}
        return found

    # -- one kind each: (type, properties)
    def role(self, function: LambdaFunction) -> Properties:
        policy = filled(self.asked.policies[function.name])
        properties = trusting("lambda.amazonaws.com", policy)
        return {"Type": "AWS::IAM::Role", "Properties": properties}

    def function(self, it: LambdaFunction) -> Said:
        key = self.asked.archives[it.name].removeprefix("artifacts/")
        code = {"S3Bucket": {"Ref": "ArtifactBucket"}, "S3Key": key}
        tags = [{"Key": key, "Value": value} for key, value in self.tags(it).items()]
        said = {**self.settings(it), "Code": code, "Tags": tags}
        return "AWS::Lambda::Function", said, self.log_first(it)

    def log_first(self, it: LambdaFunction) -> Properties:
        """Lambda would make a log group that is not there, and the template then could not."""
        logs = [each for each in self.asked.of(LogGroup) if each.function == it.name]
        return {"DependsOn": self.of(logs[0])} if logs else {}

    def tags(self, it: LambdaFunction) -> dict[str, str]:
        return {**it.tags, "pelton:app": self.asked.app, "pelton:digest": it.digest}

    def settings(self, it: LambdaFunction) -> Properties:
        said = {
            "FunctionName": it.name,
            "Runtime": it.runtime,
            "Handler": it.handler,
            "Role": self.role_of(it),
            "MemorySize": it.memory,
            "Timeout": it.timeout,
            "Architectures": [it.architecture],
            "EphemeralStorage": {"Size": it.ephemeral_mb},
            "Description": it.description,
            "Environment": {"Variables": dict(it.environment)} if it.environment else {},
            "ReservedConcurrentExecutions": it.concurrency,
            "Layers": [filled(each) for each in it.layers if each.startswith("arn:")],
            "VpcConfig": self.network(it),
            **self.dead_letter(it),
        }
        return {name: value for name, value in said.items() if value not in ("", None, {}, [])}

    def network(self, it: LambdaFunction) -> Properties:
        if not it.subnets:
            return {}
        groups = list(it.security_groups)
        return {"SubnetIds": list(it.subnets), "SecurityGroupIds": groups}

    def dead_letter(self, it: LambdaFunction) -> Properties:
        target = self.source(it.dead_letter) if it.dead_letter else None
        return {"DeadLetterConfig": {"TargetArn": target} if target else {}}

    def role_of(self, it: LambdaFunction) -> Any:
        return get(self.names.of("role", it.name), "Arn") if it.role == ROLE else it.role

    def url(self, it: Url) -> Said:
        name, _, alias = it.name.partition(":")
        arn = get(self.names.of("function", name), "Arn")
        said = {"TargetFunctionArn": arn, "AuthType": "NONE"}
        more = {"Qualifier": alias} if alias else {}
        return "AWS::Lambda::Url", {**said, **more}, self.waits(it.name)

    def mapping(self, it: QueueMapping | StreamMapping | BrokerMapping) -> Said:
        members = {name: value for name, value in it.members().items() if value}
        if destination := members.get("DestinationConfig", {}).get("OnFailure", {}):
            where = self.source(destination["Destination"])
            members["DestinationConfig"] = {"OnFailure": {"Destination": where}}
        else:
            members.pop("DestinationConfig", None)
        return "AWS::Lambda::EventSourceMapping", {
            "FunctionName": self.called(it.called),
            "EventSourceArn": self.source(it.arn),
            **members,
            **it.new_members(),
        }

    def source(self, arn: str) -> Any:
        """A queue or a stream: of the template, or one that must be there."""
        found = self._arns.get(arn) or self._streams.get(arn)
        return get(self.names.of(found.kind, found.name), "Arn") if found else filled(arn)

    def rule(self, it: Rule) -> tuple[str, Properties]:
        arn = self.arn(callee(it.arn))
        return "AWS::Events::Rule", {
            "Name": it.name,
            "ScheduleExpression": it.expression,
            "State": "ENABLED",
            "Targets": [{"Id": "function", "Arn": arn}],
        }

    def permission(self, it: Permission) -> tuple[str, Properties]:
        said: Properties = {
            "FunctionName": self.called(it.function),
            "Action": it.action,
            "Principal": it.principal,
        }
        if it.source_arn:
            rule = self._rules.get(it.source_arn)
            said["SourceArn"] = (
                get(self.names.of("rule", rule.name), "Arn") if rule else filled(it.source_arn)
            )
        if it.source_account:
            said["SourceAccount"] = ref("AWS::AccountId")
        if it.action == "lambda:InvokeFunctionUrl":
            said["FunctionUrlAuthType"] = "NONE"
        elif it.url:
            said["InvokedViaFunctionUrl"] = True
        return "AWS::Lambda::Permission", said

    def queue(self, it: Queue) -> tuple[str, Properties]:
        said: Properties = {"QueueName": it.name}
        if it.visibility is not None:
            said["VisibilityTimeout"] = it.visibility
        if it.ordered:
            said["FifoQueue"] = True
        if it.dead_letter:
            arn = get(self.names.of("queue", it.dead_letter), "Arn")
            said["RedrivePolicy"] = {"deadLetterTargetArn": arn, "maxReceiveCount": it.receives}
        return "AWS::SQS::Queue", said

    def stream(self, it: Stream) -> tuple[str, Properties]:
        mode = {"StreamMode": "ON_DEMAND"}
        return "AWS::Kinesis::Stream", {"Name": it.name, "StreamModeDetails": mode}

    def _arn_of(self, queue: Queue) -> str:
        return PLACE.queue_arn(queue.name)
