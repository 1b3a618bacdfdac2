"""What calls functions, and how their events end, in Terraform's words.  Source: the documentation
of the provider hashicorp/aws, by resource."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
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
from .base import Asked, Names

Arguments = dict[str, Any]
Said = Iterator[tuple[str, str, Arguments]]


def plain(value: Any) -> Any:
    """A value of the user's: none of it is a template of Terraform's.

    >>> plain({"A": "${HOME} and %{if}"})
    {'A': '$${HOME} and %%{if}'}
    """
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    return {plain(k): plain(v) for k, v in value.items()} if isinstance(value, Mapping) else value


class EventWords:
    """The part of Terraform's words for these kinds."""

    asked: Asked
    names: Names

    # -- whom they call: "take", or "take:live"
    def arn(self, called: str) -> str:
        """The ARN of a function or of its alias."""
        name, _, alias = called.partition(":")
        kind = "aws_lambda_alias" if alias else "aws_lambda_function"
        return f"${{{kind}.{self.names.of('function', name)}.arn}}"

    def qualified(self, called: str) -> Arguments:
        """Function and alias, as two arguments."""
        name, _, alias = called.partition(":")
        of = self.names.of("function", name)
        said = {"function_name": f"${{aws_lambda_function.{of}.function_name}}"}
        return {**said, "qualifier": f"${{aws_lambda_alias.{of}.name}}"} if alias else said

    def source(self, arn: str) -> str:
        raise NotImplementedError

    def role_of(self, name: str, principal: str, policy: Mapping[str, Any], prefix: str) -> Said:
        """A role that a service may take, with one policy."""
        trusted = {
            "Effect": "Allow",
            "Principal": {"Service": principal},
            "Action": "sts:AssumeRole",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
        said = {"name_prefix": f"{prefix[:37]}-", "assume_role_policy": document}
        yield "aws_iam_role", name, said
        of_role = {"role": f"${{aws_iam_role.{name}.id}}", "policy": json.dumps(policy)}
        yield "aws_iam_role_policy", name, of_role

    # -- one kind each
    def release(self, it: Release) -> Said:
        name = self.names.of("function", it.name)
        of = f"aws_lambda_function.{name}"
        said = {"name": LIVE, "function_name": f"${{{of}.function_name}}"}
        yield "aws_lambda_alias", name, {**said, "function_version": f"${{{of}.version}}"}

    def provisioned(self, it: Provisioned) -> Said:
        said = {**self.qualified(it.name), "provisioned_concurrent_executions": it.count}
        name = self.names.of(it.kind, it.name)
        yield "aws_lambda_provisioned_concurrency_config", name, said

    def log_group(self, it: LogGroup) -> Said:
        said = {"name": it.name, "retention_in_days": it.days}
        yield "aws_cloudwatch_log_group", self.names.of(it.kind, it.name), said

    def event_config(self, it: EventConfig) -> Said:
        said = self.qualified(it.name)
        if it.retries is not None:
            said["maximum_retry_attempts"] = it.retries
        if it.seconds is not None:
            said["maximum_event_age_in_seconds"] = it.seconds
        ends = {"on_failure": it.on_failure, "on_success": it.on_success}
        if told := {k: {"destination": self.source(arn)} for k, arn in ends.items() if arn}:
            said["destination_config"] = told
        name = self.names.of(it.kind, it.name)
        yield "aws_lambda_function_event_invoke_config", name, said

    def subscription(self, it: Subscription) -> Said:
        said: Arguments = {
            "topic_arn": it.topic,
            "protocol": "lambda",
            "endpoint": self.arn(callee(it.function_arn)),
        }
        if it.filter:
            said["filter_policy"] = plain(it.filter)
            body = it.scope == "body"
            said["filter_policy_scope"] = "MessageBody" if body else "MessageAttributes"
        yield "aws_sns_topic_subscription", self.names.of(it.kind, it.name), said

    def event_rule(self, it: EventRule) -> Said:
        bus, _, rule = it.name.rpartition("/")
        name = self.names.of("rule", it.name)
        said = {"name": rule, "event_bus_name": bus, "event_pattern": plain(it.pattern)}
        yield "aws_cloudwatch_event_rule", name, said
        target = {
            "rule": f"${{aws_cloudwatch_event_rule.{name}.name}}",
            "event_bus_name": bus,
            "target_id": "function",
            "arn": self.arn(callee(it.arn)),
        }
        yield "aws_cloudwatch_event_target", name, target

    def schedule(self, it: Schedule) -> Said:
        role = self.names.of("role", it.role_arn.rpartition("/")[2])
        said = {
            "name": it.name,
            "schedule_expression": it.expression,
            "schedule_expression_timezone": it.timezone,
            "flexible_time_window": {"mode": "OFF"},
            "target": {
                "arn": self.arn(callee(it.arn)),
                "role_arn": f"${{aws_iam_role.{role}.arn}}",
                "input": it.tick,
            },
        }
        yield "aws_scheduler_schedule", self.names.of(it.kind, it.name), said

    def caller(self, it: Role) -> Said:
        """The role that a schedule calls with."""
        yield from self.role_of(self.names.of("role", it.name), it.principal, it.policy, it.name)

    def http_api(self, it: HttpApi) -> Said:
        yield from self._gateway_api(it)

    def websocket_api(self, it: WebSocketApi) -> Said:
        yield from self._gateway_api(it, route_selection_expression=plain(it.selection))

    def _gateway_api(self, it: HttpApi, **more: str) -> Said:
        name = self.names.of("http_api", it.name)  # APIs of all kinds are one of Terraform's
        tags = {"pelton:app": self.asked.app}
        said = {"name": it.name, "protocol_type": it.made, "tags": tags, **more}
        yield "aws_apigatewayv2_api", name, said
        stage = {"api_id": self._api(it.name), "name": it.stage, "auto_deploy": True}
        yield "aws_apigatewayv2_stage", name, stage

    def _api(self, name: str, member: str = "id") -> str:
        return f"${{aws_apigatewayv2_api.{self.names.of('http_api', name)}.{member}}}"

    def websocket_route(self, it: WebSocketRoute) -> Said:
        answer = {"route_response_selection_expression": "$default"} if it.answers else {}
        yield from self.api_route(it, **answer)
        if it.answers:
            name = self.names.of("api_route", it.name)
            said = {
                "api_id": self._api(it.api),
                "route_id": f"${{aws_apigatewayv2_route.{name}.id}}",
                "route_response_key": "$default",
            }
            yield "aws_apigatewayv2_route_response", name, said

    def _integrated(self, it: ApiRoute) -> str:
        """The function, as an integration of such an API names it."""
        name, _, alias = callee(it.arn).partition(":")
        arn = self.arn(callee(it.arn))
        if isinstance(it, WebSocketRoute):
            kind = "aws_lambda_alias" if alias else "aws_lambda_function"
            return f"${{{kind}.{self.names.of('function', name)}.invoke_arn}}"
        return arn

    def api_route(self, it: ApiRoute, **more: str) -> Said:
        """The route, and before a function's first one what its routes share."""
        called, api = callee(it.arn), it.api
        shared = called if it.of is HttpApi else f"{called}/{it.of.kind}"
        known = self.names.has("integration", shared)
        integration = self.names.of("integration", shared)
        if not known:
            said = {
                "api_id": self._api(api),
                "integration_type": "AWS_PROXY",
                "integration_uri": self._integrated(it),
                **({"payload_format_version": "2.0"} if it.of is HttpApi else {}),
            }
            yield "aws_apigatewayv2_integration", integration, said
            may = {
                **self.qualified(called),
                "statement_id": "api" if it.of is HttpApi else "websocket-api",
                "action": "lambda:InvokeFunction",
                "principal": "apigateway.amazonaws.com",
                "source_arn": f"{self._api(api, 'execution_arn')}/*/*",
            }
            yield "aws_lambda_permission", self.names.of("permission", f"{shared}/api"), may
        target = f"integrations/${{aws_apigatewayv2_integration.{integration}.id}}"
        route = {"api_id": self._api(api), "route_key": plain(it.route), "target": target}
        yield "aws_apigatewayv2_route", self.names.of("api_route", it.name), {**route, **more}

    def bucket_notification(self, it: BucketNotification) -> Said:
        """One resource says all of a bucket's: those of every function, with the first of them."""
        of_bucket = [e for e in self.asked.of(BucketNotification) if e.bucket == it.bucket]
        if of_bucket[0].name != it.name:
            return
        keys = {each.key for each in self.asked.resources}
        before = [
            f"aws_lambda_permission.{self.names.of('permission', key.removeprefix('permission:'))}"
            for each in of_bucket
            for key in each.after
            if key in keys
        ]
        entries = [
            {
                "id": f"{each.ids}{place}",
                "lambda_function_arn": self.arn(callee(each.arn)),
                "events": [f"s3:{event}" for event in events.split()],
                **({"filter_prefix": plain(prefix)} if prefix else {}),
                **({"filter_suffix": plain(suffix)} if suffix else {}),
            }
            for each in of_bucket
            for place, (events, prefix, suffix) in enumerate(each.entries)
        ]
        said = {"bucket": it.bucket, "lambda_function": entries, "depends_on": before}
        yield "aws_s3_bucket_notification", self.names.of("bucket", it.bucket), said

    def notes(self) -> Iterator[str]:
        """What only Terraform does otherwise."""
        for bucket in dict.fromkeys(each.bucket for each in self.asked.of(BucketNotification)):
            yield (
                f"Terraform writes all notifications of the bucket {bucket}: what others have set "
                "there is replaced"
            )
