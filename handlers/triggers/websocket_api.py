"""Routes of an app's WebSocket API: clients that connect, send messages, and leave."""

from __future__ import annotations

from typing import ClassVar

from ..checks import placed, text
from ..errors import WrongUse
from .base import Trigger

CONNECT, DISCONNECT, DEFAULT = "$connect", "$disconnect", "$default"
SELECT = "$request.body.action"
_OWN = (CONNECT, DISCONNECT, DEFAULT)


class WebSocketApi(Trigger):
    """See `websocket_api`."""

    kind: ClassVar[str] = "websocket_api"

    routes: tuple[str, ...] = (DEFAULT,)
    answers: bool = True
    select: str = SELECT

    def __post_init__(self) -> None:
        if not self.routes:
            raise WrongUse("websocket_api() needs a route", advice=f'say "{DEFAULT}"')
        for each in self.routes:
            _check_route(each)
        text("websocket_api select", self.select)
        inner = self.select.removeprefix("$").removeprefix("{").removesuffix("}")
        if not inner.startswith("request.body.") or inner.endswith("."):
            raise WrongUse(
                f"websocket_api select={self.select!r} names no member of a message",
                advice=f'write it as "{SELECT}"',
            )
        if not isinstance(self.answers, bool):
            raise WrongUse(f"websocket_api answers={self.answers!r} is neither True nor False")

    @property
    def name(self) -> str:
        """Its routes, in words.

        >>> WebSocketApi(("$connect", "join")).name
        '$connect, join'
        """
        return ", ".join(self.routes)

    @property
    def bodiless(self) -> bool:
        return not {CONNECT, DISCONNECT}.isdisjoint(self.routes)

    def same_source(self, other: Trigger) -> bool:
        return isinstance(other, WebSocketApi) and not {*self.routes}.isdisjoint(other.routes)

    def conflict(self, other: Trigger) -> tuple[str, str, str] | None:
        """An app has one WebSocket API: a route calls one function, and is said in one place."""
        if not isinstance(other, WebSocketApi):
            return None
        for route in self.routes:
            if route in other.routes:
                return f"has the route {route!r}", "has already", "give each routes of its own"
        if self.select == other.select:
            return None
        by = f"selects its routes by {self.select!r}", f"does by {other.select!r}"
        return *by, "say the same in both: an app has one WebSocket API"


def _check_route(route: object) -> None:
    text("websocket_api route", route)
    said = str(route)
    if said in _OWN:
        return
    if not said or said.startswith("$") or len(said) > 128 or not said.isprintable():
        raise WrongUse(
            f"websocket_api route {route!r} is none",
            advice=f"say {', '.join(_OWN)}, or what a message says there: at most 128 characters, "
            "of which the first is no '$'",
        )


@placed
def websocket_api(*routes: str, answers: bool = True, select: str = SELECT) -> WebSocketApi:
    """Run the function for clients of the app's WebSocket API, which a deploy makes with it.

    routes:  "$connect" (somebody wants in; an answer with another status than 200 refuses),
             "$disconnect" (somebody has left), "$default" (a message of no other route), or what
             messages say at `select`; none is "$default"
    answers: what the function returns is sent back to who sent the message; None sends nothing
    select:  where a message says its route: "$request.body.action" is its member `action`

    A message's text is the function's input.  $connect and $disconnect bring none: they want a
    function that takes an `Event`, or no input.  An event's `key` is the connection, its `topic`
    the route; `context.connection()` is who sent it, `context.connection(id)` another one.

    On AWS alone, by API Gateway: Nuclio has no such trigger.  Messages are text of at most 128 KB,
    a function's answer comes within 29 seconds, and a connection lives for two hours at the most.

    >>> websocket_api("$connect", "$disconnect").routes
    ('$connect', '$disconnect')
    >>> websocket_api("$join")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pelton.handlers.errors.WrongUse: ...websocket_api route '$join' is none; say ...
    """
    return WebSocketApi(routes or (DEFAULT,), answers, select)
