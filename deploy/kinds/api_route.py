"""A route of an HTTP API to a Lambda function, with what lets the API call the function.

What routes of all APIs have in common is here, too: `websocket_route`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..errors import CallFailed
from ..versions.release import LIVE
from .base import OURS, Change, Resource
from .callee import callee, is_of, of_uri
from .http_api import HttpApi
from .permission import policy_of

if TYPE_CHECKING:
    from ..targets.target import Target

# A function's routes share one integration, which is looked for and made: one at a time.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class ApiRoute(Resource):
    """Its name is `API/METHOD /PATH`.  arn: of the function, or of its alias.

    id, callees: live only: its own, and of the function and its alias those that let the API call
    of, form:    the kind of API, and what an integration for it says beside the function
    """

    kind: ClassVar[str] = "api_route"
    platform: ClassVar[str] = "apigateway"
    part: ClassVar[str] = "triggers"
    shown: ClassVar[tuple[str, ...]] = ("arn",)
    of: ClassVar[type[HttpApi]] = HttpApi
    form: ClassVar[Mapping[str, Any]] = {"PayloadFormatVersion": "2.0"}

    arn: str = ""
    id: str = field(default="", compare=False)
    callees: tuple[str, ...] = field(default=(), compare=False)

    @property
    def api(self) -> str:
        """The name of its API."""
        return self.name.partition("/")[0]

    @property
    def route(self) -> str:
        """As API Gateway says it: "POST /orders/{id}"."""
        return self.name.partition("/")[2]

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"{self.of.kind}:{self.api}", f"function:{self.function}", *self.after)

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        for each in self.differences(self.shown, have):
            what = f"route {self.route}"
            yield Change(each.part, what, _short(each.old), _short(each.new), each.cause)
        may, called = have.callees if have else (), callee(self.arn)
        if have is not None and have.arn == self.arn and may != (called,):
            what = f"the API of route {self.route} may call"
            yield Change("permissions", what, ", ".join(may) or None, called)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, f"route {self.route}", _short(self.arn), None)

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        return cls._read(target, name)

    @classmethod
    def _read(cls, target: Target, name: str) -> Self | None:
        blank = cls(name=name)
        api = cls.of.read(target, blank.api)
        if api is None or api.app != target.app:
            return None
        gateway = target.aws.client("apigatewayv2")
        for each in listed(gateway, "get_routes", api.id):
            if each["RouteKey"] == blank.route:
                arn = _called(gateway, api.id, each.get("Target", ""))
                return cls(
                    name=name,
                    function=callee(arn).partition(":")[0],
                    app=OURS,
                    arn=arn,
                    id=each["RouteId"],
                    callees=_callees(target, callee(arn).partition(":")[0], api.id),
                )
        return None

    @classmethod
    def pointing(cls, target: Target, function: str) -> Iterator[str]:
        named = cls.of.name_of(target.app)
        api = cls.of.read(target, named)
        if api is None or api.app != target.app:
            return
        gateway = target.aws.client("apigatewayv2")
        called = {
            f"integrations/{each['IntegrationId']}"
            for each in listed(gateway, "get_integrations", api.id)
            if is_of(of_uri(each.get("IntegrationUri", "")), function)
        }
        for each in listed(gateway, "get_routes", api.id):
            if each.get("Target", "") in called:
                yield f"{named}/{each['RouteKey']}"

    def create(self, target: Target) -> None:
        api = self.of.read(target, self.api)
        if api is None:
            raise CallFailed(f"{self.words}: its API is not there any more; deploy again")
        gateway = target.aws.client("apigatewayv2")
        self._permit(target, api.id)  # before anything of the API calls
        with _one_at_a_time:
            integration = self._integration(gateway, api.id)
        have = self.read(target, self.name)
        members = {"ApiId": api.id, "RouteKey": self.route, **self._members()}
        members["Target"] = f"integrations/{integration}"
        if have is None:
            gateway.create_route(**members)
        elif have.arn != self.arn:
            gateway.update_route(**members, RouteId=have.id)
        if have is not None and have.function not in ("", self.function):
            with _one_at_a_time:  # it was another function's
                self._tidy(target, api.id, have)
        for each in _callees(target, self.function, api.id):
            if each != callee(self.arn):
                _forbid(target, each, api.id)

    @property
    def _uri(self) -> str:
        """The function, as an integration names it."""
        return self.arn

    def _members(self) -> dict[str, Any]:
        """What such a route says beside its key and its target."""
        return {}

    def _integration(self, gateway: Any, api: str) -> str:
        """The one that the function's routes share.  That of the function becomes that of its
        alias, and back: so all of its routes go over at once."""
        found = [
            each
            for each in listed(gateway, "get_integrations", api)
            if is_of(of_uri(each.get("IntegrationUri", "")), self.function)
        ]
        found.sort(key=lambda each: each["IntegrationUri"] != self._uri)
        if not found:
            told = gateway.create_integration(
                ApiId=api,
                IntegrationType="AWS_PROXY",
                IntegrationUri=self._uri,
                **self.form,
            )
            return str(told["IntegrationId"])
        name = str(found[0]["IntegrationId"])
        if found[0]["IntegrationUri"] != self._uri:
            gateway.update_integration(ApiId=api, IntegrationId=name, IntegrationUri=self._uri)
        return name

    def _permit(self, target: Target, api: str) -> None:
        """Its id is not one of `Permission`'s: who may call is known when the API is there."""
        _, partition, _, region, account = self.arn.split(":")[:5]
        with target.aws.ignoring("ResourceConflictException"):
            target.aws.client("lambda").add_permission(
                FunctionName=callee(self.arn),
                StatementId=_sid(api),
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=f"arn:{partition}:execute-api:{region}:{account}:{api}/*/*",
            )

    def delete(self, target: Target) -> None:
        api, have = self.of.read(target, self.api), self.read(target, self.name)
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
        used = {each.get("Target", "") for each in listed(gateway, "get_routes", api)}
        for each in list(listed(gateway, "get_integrations", api)):
            name = each["IntegrationId"]
            if of_uri(each.get("IntegrationUri", "")) != have.arn or f"integrations/{name}" in used:
                continue
            with target.aws.ignoring("NotFoundException"):
                gateway.delete_integration(ApiId=api, IntegrationId=name)
            for called in _callees(target, have.function, api):
                _forbid(target, called, api)


def _sid(api: str) -> str:
    return f"api-{api}"


def _callees(target: Target, function: str, api: str) -> tuple[str, ...]:
    """Of a function and its alias those that let an API call."""
    return tuple(
        called
        for called in (function, f"{function}:{LIVE}")
        if any(each.get("Sid") == _sid(api) for each in policy_of(target, called))
    )


def _forbid(target: Target, called: str, api: str) -> None:
    with target.aws.ignoring("ResourceNotFoundException"):
        target.aws.client("lambda").remove_permission(FunctionName=called, StatementId=_sid(api))


def listed(gateway: Any, method: str, api: str, **more: str) -> Iterator[Mapping[str, Any]]:
    """The items of all pages of one of API Gateway's lists."""
    for page in gateway.get_paginator(method).paginate(ApiId=api, **more):
        yield from page.get("Items", [])


def _called(gateway: Any, api: str, target: str) -> str:
    """The ARN of the function that a route's target calls; "" for none."""
    for each in listed(gateway, "get_integrations", api):
        if f"integrations/{each['IntegrationId']}" == target:
            return of_uri(str(each.get("IntegrationUri", "")))
    return ""


def _short(arn: Any) -> Any:
    return f"function {callee(str(arn))}" if arn else None
