"""What calls functions, and how their events end, in CloudFormation's words; SAM takes them as they
are.  Source: the "Template reference" of AWS CloudFormation, by resource type.

A bucket that a template does not make cannot be given notifications by it, so a small function of
the template's own does that (`bucket_told`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..kinds.api_route import ApiRoute
from ..kinds.bucket_notification import BucketNotification
from ..kinds.callee import callee
from ..kinds.event_config import EventConfig
from ..kinds.event_rule import EventRule
from ..kinds.http_api import HttpApi
from ..kinds.log_group import LogGroup
from ..kinds.provisioned import Provisioned
from ..kinds.release import Release
from ..kinds.role import Role
from ..kinds.schedule import Schedule
from ..kinds.subscription import Subscription
from ..kinds.websocket_api import WebSocketApi
from ..kinds.websocket_route import WebSocketRoute
from ..versions.release import LIVE
from . import bucket_told
from .base import Asked, Names

Properties = dict[str, Any]
Said = tuple[str, Properties] | tuple[str, Properties, Properties]
Named = Iterator[tuple[str, Properties]]
TELLER = ("teller", "buckets")  # the name of the function that tells buckets


def get(name: str, attribute: str) -> Properties:
    return {"Fn::GetAtt": [name, attribute]}


def ref(name: str) -> Properties:
    return {"Ref": name}


def filled(value: Any) -> Any:
    """A value of ours in which the account's facts are to be filled in.

    >>> filled("arn:${AWS::Partition}:x"), filled("plain")
    ({'Fn::Sub': 'arn:${AWS::Partition}:x'}, 'plain')
    """
    if isinstance(value, str):
        return {"Fn::Sub": value} if "${AWS::" in value else value
    if isinstance(value, dict):
        return {key: filled(each) for key, each in value.items()}
    return [filled(each) for each in value] if isinstance(value, list | tuple) else value


class EventWords:
    """The part of CloudFormation's words for these kinds."""

    asked: Asked
    names: Names

    # -- whom they call: "take", or "take:live"
    def arn(self, called: str) -> Any:
        """The ARN of a function or of its alias."""
        name, _, alias = called.partition(":")
        return self.alias_arn(name) if alias else get(self.names.of("function", name), "Arn")

    def called(self, called: str) -> Any:
        """The same as members take it that are called FunctionName."""
        name, _, alias = called.partition(":")
        return self.alias_arn(name) if alias else ref(self.names.of("function", name))

    def alias_arn(self, function: str) -> Any:
        return ref(self.alias_id(function))

    def alias_id(self, function: str) -> str:
        """The logical id of a function's alias, for what must wait for it."""
        return self.names.of("alias", function)

    def waits(self, called: str) -> Properties:
        """For what names an alias by its name alone."""
        name, _, alias = called.partition(":")
        return {"DependsOn": self.alias_id(name)} if alias else {}

    def source(self, arn: str) -> Any:
        raise NotImplementedError

    # -- one kind each
    def release(self, it: Release) -> Named:
        """A version that is never changed, and the alias: other code or settings are a version of
        another name, and what was published stays, so that there is something to go back to."""
        function = ref(self.names.of("function", it.name))
        version = self.names.of("version", f"{it.name} {it.published[:10]}")
        kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
        properties = {"FunctionName": function}
        yield version, {"Type": "AWS::Lambda::Version", **kept, "Properties": properties}
        said = {"FunctionName": function, "FunctionVersion": get(version, "Version"), "Name": LIVE}
        said |= self.waiting(it.name)
        yield self.alias_id(it.name), {"Type": "AWS::Lambda::Alias", "Properties": said}

    def waiting(self, function: str) -> Properties:
        """How many sandboxes of a function's alias wait, where any do."""
        found = [e for e in self.asked.of(Provisioned) if e.name.partition(":")[0] == function]
        count = {"ProvisionedConcurrentExecutions": found[0].count} if found else {}
        return {"ProvisionedConcurrencyConfig": count} if count else {}

    def provisioned(self, it: Provisioned) -> Named:
        """A member of the alias."""
        yield from ()

    def log_group(self, it: LogGroup) -> Said:
        said = {"LogGroupName": it.name, "RetentionInDays": it.days}
        return "AWS::Logs::LogGroup", said

    def event_config(self, it: EventConfig) -> Said:
        function, _, alias = it.name.partition(":")
        ends = {"OnFailure": it.on_failure, "OnSuccess": it.on_success}
        told = {k: {"Destination": self.source(arn)} for k, arn in ends.items() if arn}
        said = {
            "FunctionName": ref(self.names.of("function", function)),
            "Qualifier": alias or "$LATEST",
            "MaximumRetryAttempts": it.retries,
            "MaximumEventAgeInSeconds": it.seconds,
            "DestinationConfig": told or None,
        }
        properties = {name: value for name, value in said.items() if value is not None}
        return "AWS::Lambda::EventInvokeConfig", properties, self.waits(it.name)

    def subscription(self, it: Subscription) -> Said:
        said: Properties = {
            "TopicArn": filled(it.topic),
            "Protocol": "lambda",
            "Endpoint": self.arn(callee(it.function_arn)),
        }
        if it.filter:
            said["FilterPolicy"] = json.loads(it.filter)
            body = it.scope == "body"
            said["FilterPolicyScope"] = "MessageBody" if body else "MessageAttributes"
        return "AWS::SNS::Subscription", said

    def event_rule(self, it: EventRule) -> Said:
        bus, _, rule = it.name.rpartition("/")
        return "AWS::Events::Rule", {
            "Name": rule,
            "EventBusName": bus,
            "EventPattern": json.loads(it.pattern),
            "State": "ENABLED",
            "Targets": [{"Id": "function", "Arn": self.arn(callee(it.arn))}],
        }

    def schedule(self, it: Schedule) -> Said:
        role = self.names.of("role", it.role_arn.rpartition("/")[2])
        return "AWS::Scheduler::Schedule", {
            "Name": it.name,
            "ScheduleExpression": it.expression,
            "ScheduleExpressionTimezone": it.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": self.arn(callee(it.arn)),
                "RoleArn": get(role, "Arn"),
                "Input": it.tick,
            },
        }

    def caller(self, it: Role) -> Said:
        """The role that a schedule calls with."""
        return "AWS::IAM::Role", trusting(it.principal, filled(dict(it.policy)))

    def http_api(self, it: HttpApi) -> Named:
        yield from self._gateway_api(it)

    def websocket_api(self, it: WebSocketApi) -> Named:
        yield from self._gateway_api(it, RouteSelectionExpression=it.selection)

    def _gateway_api(self, it: HttpApi, **more: str) -> Named:
        name = self.names.of(it.kind, it.name)
        tags = {"pelton:app": self.asked.app}
        said = {"Name": it.name, "ProtocolType": it.made, "Tags": tags, **more}
        yield name, {"Type": "AWS::ApiGatewayV2::Api", "Properties": said}
        stage = {"ApiId": ref(name), "StageName": it.stage, "AutoDeploy": True}
        yield (
            self.names.of("stage", it.name),
            {"Type": "AWS::ApiGatewayV2::Stage", "Properties": stage},
        )

    def websocket_route(self, it: WebSocketRoute) -> Named:
        answer = {"RouteResponseSelectionExpression": "$default"} if it.answers else {}
        yield from self.api_route(it, **answer)
        if it.answers:
            said = {
                "ApiId": ref(self.names.of(it.of.kind, it.api)),
                "RouteId": ref(self.names.of(it.kind, it.name)),
                "RouteResponseKey": "$default",
            }
            name = self.names.of("answer", it.name)
            yield name, {"Type": "AWS::ApiGatewayV2::RouteResponse", "Properties": said}

    def _integrated(self, it: ApiRoute) -> Any:
        """The function, as an integration of such an API names it."""
        arn = self.arn(callee(it.arn))
        if not isinstance(it, WebSocketRoute):
            return arn
        place = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions"
        return {"Fn::Sub": [f"{place}/${{Called}}/invocations", {"Called": arn}]}

    def api_route(self, it: ApiRoute, **more: str) -> Named:
        """The route, and before a function's first one what its routes share."""
        called, api = callee(it.arn), self.names.of(it.of.kind, it.api)
        shared = "integration" if it.of is HttpApi else f"{it.of.kind} integration"
        known = self.names.has(shared, called)
        integration = self.names.of(shared, called)
        if not known:
            said = {
                "ApiId": ref(api),
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": self._integrated(it),
                **it.form,
            }
            yield integration, {"Type": "AWS::ApiGatewayV2::Integration", "Properties": said}
            here = "${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}"
            may = {
                "FunctionName": self.called(called),
                "Action": "lambda:InvokeFunction",
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {"Fn::Sub": f"arn:{here}:${{{api}}}/*/*"},
            }
            word = "api" if it.of is HttpApi else it.of.kind
            permission = self.names.of(f"{word} permission", called)
            yield permission, {"Type": "AWS::Lambda::Permission", "Properties": may}
        target = {"Fn::Sub": f"integrations/${{{integration}}}"}
        route = {"ApiId": ref(api), "RouteKey": it.route, "Target": target, **more}
        name = self.names.of(it.kind, it.name)
        yield name, {"Type": "AWS::ApiGatewayV2::Route", "Properties": route}

    def bucket_notification(self, it: BucketNotification) -> Named:
        """Of one bucket one after the other: its notifications are one document."""
        if not self.names.has(*TELLER):
            yield from self._teller()
        name = self.names.of(it.kind, it.name)
        before = [
            self.names.of(each.kind, each.name)
            for each in self.asked.of(BucketNotification)
            if each.bucket == it.bucket and each.name < it.name
        ]
        permissions = [key.removeprefix("permission:") for key in it.after]
        before += [
            self.names.of("permission", each)
            for each in permissions
            if f"permission:{each}" in {other.key for other in self.asked.resources}
        ]
        yield (
            name,
            {
                "Type": "Custom::BucketNotification",
                "DependsOn": before,
                "Properties": {
                    "ServiceToken": get(self.names.of(*TELLER), "Arn"),
                    "Bucket": it.bucket,
                    "Ids": it.ids,
                    "Function": self.arn(callee(it.arn)),
                    "Entries": [
                        {"Events": [f"s3:{e}" for e in events.split()], "Rules": rules}
                        for events, rules in map(_entry, it.entries)
                    ],
                },
            },
        )

    def _teller(self) -> Named:
        buckets = sorted({each.bucket for each in self.asked.of(BucketNotification)})
        arns = [{"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{each}"} for each in buckets]
        group = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*"
        may = [
            _allowed(["s3:GetBucketNotification", "s3:PutBucketNotification"], arns),
            _allowed(
                ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                [{"Fn::Sub": group}],
            ),
        ]
        role = self.names.of("role", TELLER[1])
        policy = {"Version": "2012-10-17", "Statement": may}
        said = trusting("lambda.amazonaws.com", policy)
        yield role, {"Type": "AWS::IAM::Role", "Properties": said}
        properties = {
            "Description": "Tells buckets which functions to call",
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": get(role, "Arn"),
            "Timeout": 60,
            "Code": {"ZipFile": bucket_told.SOURCE},
        }
        name = self.names.of(*TELLER)
        yield name, {"Type": "AWS::Lambda::Function", "Properties": properties}


def trusting(principal: str, policy: Any) -> Properties:
    """A role that a service may take, with one policy."""
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": principal},
        "Action": "sts:AssumeRole",
    }
    document = {"Version": "2012-10-17", "Statement": [trusted]}
    policies = [{"PolicyName": "least", "PolicyDocument": policy}]
    return {"AssumeRolePolicyDocument": document, "Policies": policies}


def _allowed(actions: list[str], resources: list[Any]) -> Properties:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def _entry(entry: tuple[str, str, str]) -> tuple[str, list[Properties]]:
    events, *ends = entry
    pairs = zip(("prefix", "suffix"), ends, strict=True)
    return events, [{"Name": word, "Value": value} for word, value in pairs if value]
