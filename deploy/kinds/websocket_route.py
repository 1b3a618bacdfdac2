"""A route of a WebSocket API to a Lambda function, with what lets the API call the function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .api_route import ApiRoute, listed
from .base import Change
from .callee import invocation
from .http_api import HttpApi
from .websocket_api import WebSocketApi

if TYPE_CHECKING:
    from ..targets.target import Target

_ANSWER = "$default"  # the one route response that a WebSocket API may have


@dataclass(frozen=True, kw_only=True)
class WebSocketRoute(ApiRoute):
    """Its name is `API/ROUTE`.  answers: what the function gives is sent back to the client."""

    kind: ClassVar[str] = "websocket_route"
    of: ClassVar[type[HttpApi]] = WebSocketApi
    form: ClassVar[Mapping[str, Any]] = {}

    answers: bool = False

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        yield from super().changes(have, last)
        if self.answers != (have is not None and have.answers):
            old = have.answers if have is not None else None
            cause = self.causes.get("", "")
            yield Change(self.part, f"route {self.route} answers", old, self.answers, cause)

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        found = cls._read(target, name)
        if found is None:
            return None
        api = cls.of.read(target, found.api)
        return replace(found, answers=bool(api and _responses(target, api.id, found.id)))

    def create(self, target: Target) -> None:
        super().create(target)
        api, have = self.of.read(target, self.api), self._read(target, self.name)
        if api is None or have is None:
            return
        gateway = target.aws.client("apigatewayv2")
        found = _responses(target, api.id, have.id)
        if self.answers and not found:
            gateway.create_route_response(ApiId=api.id, RouteId=have.id, RouteResponseKey=_ANSWER)
        for each in () if self.answers else found:
            with target.aws.ignoring("NotFoundException"):
                gateway.delete_route_response(
                    ApiId=api.id, RouteId=have.id, RouteResponseId=each["RouteResponseId"]
                )

    @property
    def _uri(self) -> str:
        return invocation(self.arn)

    def _members(self) -> dict[str, Any]:
        return {"RouteResponseSelectionExpression": _ANSWER} if self.answers else {}


def _responses(target: Target, api: str, route: str) -> list[Mapping[str, Any]]:
    gateway = target.aws.client("apigatewayv2")
    return list(listed(gateway, "get_route_responses", api, RouteId=route))
