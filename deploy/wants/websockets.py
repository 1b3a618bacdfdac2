"""An app's WebSocket API on AWS: one for all of its functions, and a route each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...handlers.function import Function
from ...handlers.triggers import WebSocketApi as Trigger
from ..kinds.base import Resource
from ..kinds.websocket_api import WebSocketApi
from ..kinds.websocket_route import WebSocketRoute
from ..place import Place
from .common import after, called

_UNHEARD = ("$connect", "$disconnect")  # there, nobody hears an answer


def on_websockets(
    app: str, function: Function[..., Any], causes: Mapping[str, str], place: Place
) -> Iterator[Resource]:
    """The API that the function's triggers are of, and their routes."""
    for trigger in (each for each in function.triggers if isinstance(each, Trigger)):
        api = WebSocketApi.name_of(app)
        yield WebSocketApi(name=api, function=function.name, selection=trigger.select)
        for route in trigger.routes:
            yield WebSocketRoute(
                name=f"{api}/{route}",
                function=function.name,
                after=after(function),
                causes=causes,
                arn=place.function_arn(called(function)),
                answers=trigger.answers and route not in _UNHEARD,
            )
