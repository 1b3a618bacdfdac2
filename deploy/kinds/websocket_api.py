"""An app's WebSocket API of API Gateway: one address for the routes of all of its functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..versions.release import LIVE
from .base import Change
from .http_api import HttpApi

if TYPE_CHECKING:
    from ..targets.target import Target


@dataclass(frozen=True, kw_only=True)
class WebSocketApi(HttpApi):
    """The API that `name_of` names.  selection: where messages say their route."""

    kind: ClassVar[str] = "websocket_api"
    says: ClassVar[str] = "WebSocket API"
    made: ClassVar[str] = "WEBSOCKET"
    stage: ClassVar[str] = LIVE

    protocol: str = field(default="WEBSOCKET", compare=False)
    selection: str = ""

    @staticmethod
    def name_of(app: str) -> str:
        """Not that of the app's HTTP API: it is found by its name.

        >>> WebSocketApi.name_of("chat")
        'chat-websocket'
        """
        return f"{app}-websocket"

    def address_at(self, emulator: str) -> str:
        """Where clients connect.

        emulator: where it is, "" for AWS; there the API's own name is resolved on few machines

        >>> api = WebSocketApi(name="a", id="01ab", endpoint="ws://01ab.execute-api.localhost:4566")
        >>> api.address_at("http://127.0.0.1:4566")
        'ws://127.0.0.1:4566/_aws/execute-api/01ab/live'
        """
        if ".execute-api.localhost" in self.endpoint:
            return f"ws{emulator[4:].rstrip('/')}/_aws/execute-api/{self.id}/{self.stage}"
        return f"{self.endpoint}/{self.stage}"

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        yield from super().changes(have, last)
        for each in self.differences(("selection",), have):
            what = f"{self.says} {self.name} selects routes by"
            yield Change(self.part, what, each.old, each.new, each.cause)

    @classmethod
    def _from(cls, told: Mapping[str, Any]) -> Self:
        selection = str(told.get("RouteSelectionExpression", ""))
        return cls(**cls._told(told), selection=selection)

    def _members(self) -> dict[str, Any]:
        return {"RouteSelectionExpression": self.selection}

    def update(self, target: Target, have: Self) -> None:
        gateway = target.aws.client("apigatewayv2")
        gateway.update_api(ApiId=have.id, **self._members())
