"""An app's HTTP API of API Gateway: one address for all of its functions.

What all APIs of API Gateway's second version have in common is here, too: `websocket_api`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import Change, Resource
from .function import APP_TAG

if TYPE_CHECKING:
    from ..targets.target import Target


@dataclass(frozen=True, kw_only=True)
class HttpApi(Resource):
    """The API with the app's name.  id, endpoint, protocol ("WEBSOCKET" of others): live only.

    says, made, stage: how people call such an API, its protocol, and its stage, which is deployed
                       by itself ("$default" is at the root of the address)
    """

    kind: ClassVar[str] = "http_api"
    platform: ClassVar[str] = "apigateway"
    part: ClassVar[str] = "triggers"
    tagged: ClassVar[bool] = True
    says: ClassVar[str] = "HTTP API"
    made: ClassVar[str] = "HTTP"
    stage: ClassVar[str] = "$default"

    id: str = field(default="", compare=False)
    endpoint: str = field(default="", compare=False)
    protocol: str = field(default="HTTP", compare=False)

    @staticmethod
    def name_of(app: str) -> str:
        """The name of an app's."""
        return app

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is None:
            yield Change(self.part, f"{self.says} {self.name}", None, "public")
        elif have.protocol != self.protocol:
            what = f"{self.says} {self.name} protocol"
            yield Change(self.part, what, have.protocol, self.protocol, replaces=True)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, f"{self.says} {self.name}", self.endpoint or "public", None)

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        if action == "create":
            return "API Gateway costs by the request"
        if action not in ("delete", "replace"):
            return ""
        gone = "callers of the address get an error; a new API has another address"
        why = "replaced, for an API's protocol cannot be changed: "
        return why + gone if action == "replace" else gone

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        """The one of that name that is the app's; else one that others made."""
        found = [each for each in _listed(target) if each["Name"] == name]
        found.sort(key=lambda each: each.get("Tags", {}).get(APP_TAG) != target.app)
        return cls._from(found[0]) if found else None

    @classmethod
    def _from(cls, told: Mapping[str, Any]) -> Self:
        return cls(**cls._told(told))

    @staticmethod
    def _told(told: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "name": told["Name"],
            "app": told.get("Tags", {}).get(APP_TAG, ""),
            "id": told["ApiId"],
            "endpoint": told.get("ApiEndpoint", ""),
            "protocol": told.get("ProtocolType", "HTTP"),
        }

    def _members(self) -> dict[str, Any]:
        """What such an API says beside its name and protocol."""
        return {}

    @classmethod
    def tagged_with(cls, target: Target, app: str) -> Iterator[str]:
        for each in _listed(target):
            ours = each.get("Tags", {}).get(APP_TAG) == app
            if ours and each.get("ProtocolType", "HTTP") == cls.made:
                yield each["Name"]

    def create(self, target: Target) -> None:
        gateway, have = target.aws.client("apigatewayv2"), self.read(target, self.name)
        if have is not None and have.app == target.app:
            found = have.id
        else:
            tags = {APP_TAG: target.app}
            told = gateway.create_api(
                Name=self.name, ProtocolType=self.made, Tags=tags, **self._members()
            )
            found = told["ApiId"]
        stages = gateway.get_stages(ApiId=found).get("Items", [])
        if not any(each["StageName"] == self.stage for each in stages):
            gateway.create_stage(ApiId=found, StageName=self.stage, AutoDeploy=True)

    def delete(self, target: Target) -> None:
        have = self.read(target, self.name)
        if have is not None and have.app == target.app:
            with target.aws.ignoring("NotFoundException"):
                target.aws.client("apigatewayv2").delete_api(ApiId=have.id)


def _listed(target: Target) -> Iterator[Mapping[str, Any]]:
    pages = target.aws.client("apigatewayv2").get_paginator("get_apis")
    for page in pages.paginate():
        yield from page.get("Items", [])
