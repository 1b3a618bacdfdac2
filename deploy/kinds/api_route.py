"""A route of an HTTP API to a Lambda function, with what lets the API call the function."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..errors import CallFailed
from .base import OURS, Change, Resource
from .http_api import HttpApi

if TYPE_CHECKING:
    from ..targets.target import Target

# A function's routes share one integration, which is looked for and made: one at a time.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class ApiRoute(Resource):
    """Its name is `API/METHOD /PATH`.  arn: the function's; id: live only."""

    kind: ClassVar[str] = "api_route"
    platform: ClassVar[str] = "apigateway"
    part: ClassVar[str] = "triggers"
    shown: ClassVar[tuple[str, ...]] = ("arn",)

    arn: str = ""
    id: str = field(default="", compare=False)

    @property
    def _api(self) -> str:
        return self.name.partition("/")[0]

    @property
    def route(self) -> str:
        """As API Gateway says it: "POST /orders/{id}"."""
        return self.name.partition("/")[2]

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"http_api:{self._api}", f"function:{self.function}", *self.after)

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        for each in self.differences(self.shown, have):
            what = f"route {self.route}"
            yield Change(each.part, what, _short(each.old), _short(each.new), each.cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, f"route {self.route}", _short(self.arn), None)

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        blank = cls(name=name)
        api = HttpApi.read(target, blank._api)
        if api is None or api.app != target.app:
            return None
        gateway = target.aws.client("apigatewayv2")
        for each in _listed(gateway, "get_routes", api.id):
            if each["RouteKey"] == blank.route:
                arn = _called(gateway, api.id, each.get("Target", ""))
                function = arn.rpartition(":")[2]
                return cls(name=name, function=function, app=OURS, arn=arn, id=each["RouteId"])
        return None

    def create(self, target: Target) -> None:
        api = HttpApi.read(target, self._api)
        if api is None:
            raise CallFailed(f"{self.words}: its API is not there any more; deploy again")
        gateway = target.aws.client("apigatewayv2")
        with _one_at_a_time:
            integration = self._integration(gateway, api.id)
        have = self.read(target, self.name)
        members = {"ApiId": api.id, "RouteKey": self.route, "Target": f"integrations/{integration}"}
        if have is None:
            gateway.create_route(**members)
        else:
            gateway.update_route(**members, RouteId=have.id)
        self._permit(target, api.id)

    def _integration(self, gateway: Any, api: str) -> str:
        for each in _listed(gateway, "get_integrations", api):
            if each.get("IntegrationUri") == self.arn:
                return str(each["IntegrationId"])
        told = gateway.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=self.arn,
            PayloadFormatVersion="2.0",
        )
        return str(told["IntegrationId"])

    def _permit(self, target: Target, api: str) -> None:
        """Its id is not one of `Permission`'s: who may call is known when the API is there."""
        _, partition, _, region, account = self.arn.split(":")[:5]
        with target.aws.ignoring("ResourceConflictException"):
            target.aws.client("lambda").add_permission(
                FunctionName=self.function,
                StatementId=f"api-{api}",
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=f"arn:{partition}:execute-api:{region}:{account}:{api}/*/*",
            )

    def delete(self, target: Target) -> None:
        api, have = HttpApi.read(target, self._api), self.read(target, self.name)
        if api is None or have is None:
            return
        gateway = target.aws.client("apigatewayv2")
        with target.aws.ignoring("NotFoundException"):
            gateway.delete_route(ApiId=api.id, RouteId=have.id)
        with _one_at_a_time:
            self._tidy(target, api.id, have)

    def _tidy(self, target: Target, api: str, have: Self) -> None:
        """After a function's last route, what its routes shared goes, too."""
        gateway = target.aws.client("apigatewayv2")
        used = {each.get("Target", "") for each in _listed(gateway, "get_routes", api)}
        for each in list(_listed(gateway, "get_integrations", api)):
            name = each["IntegrationId"]
            if each.get("IntegrationUri") != have.arn or f"integrations/{name}" in used:
                continue
            with target.aws.ignoring("NotFoundException"):
                gateway.delete_integration(ApiId=api, IntegrationId=name)
            with target.aws.ignoring("ResourceNotFoundException"):
                target.aws.client("lambda").remove_permission(
                    FunctionName=have.function, StatementId=f"api-{api}"
                )


def _listed(gateway: Any, method: str, api: str) -> Iterator[Mapping[str, Any]]:
    for page in gateway.get_paginator(method).paginate(ApiId=api):
        yield from page.get("Items", [])


def _called(gateway: Any, api: str, target: str) -> str:
    """The ARN of the function that a route's target calls; "" for none."""
    for each in _listed(gateway, "get_integrations", api):
        if f"integrations/{each['IntegrationId']}" == target:
            return str(each.get("IntegrationUri", ""))
    return ""


def _short(arn: Any) -> Any:
    return f"function {str(arn).rpartition(':')[2]}" if arn else None
