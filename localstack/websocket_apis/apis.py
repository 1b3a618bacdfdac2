"""Where connections of WebSocket APIs meet functions, and where `@connections` is answered.

What an event looks like is in `events`, one connection's life in `connection`; this joins them to
the API's settings, to the functions and to those who post.

Sources: API Gateway's developer guide, "Use @connections commands in your backend service"; the
service model of apigatewaymanagementapi (codes and statuses); its page of quotas (128 KB).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol
from urllib.parse import unquote

from .. import asgi, push_seam
from ..api_seam import seconds_of, within
from ..clock import Clock
from ..gateway import CONNECTIONS, at_home
from ..lambda_.names import Place
from ..messages import Request, Response
from ..services import ServiceRefused, Services
from ..signatures.check import Signatures
from ..signatures.read import Unsigned, read
from ..token_buckets import TokenBuckets
from ..websockets import MESSAGE
from . import events, settings
from .authorizing import Refused, allowed, check_sources
from .connection import GOING_AWAY, NORMAL, Connection, Told, Why
from .settings import Api, Route, called

_STAGE = re.compile(r"/_aws/execute-api/([a-z0-9]+)/([\w$-]+)(?:[/?]|$)")
_ID = re.compile(r"[A-Za-z0-9_-]{15}=")
_LONGEST = 29.0  # seconds that an integration may take
Members = dict[str, Any]


class Deliver(Protocol):
    """Calls a function (name and qualifier) with an event; the answer as `Pushes` gives it."""

    async def __call__(self, target: str, payload: bytes, headers: Members) -> Response: ...


class WebSocketApis:
    """Every WebSocket API's connections.

    signatures: checks those of APIs with AWS_IAM; None takes every one that is there
    report:     one line for whoever runs the emulator
    """

    def __init__(
        self,
        services: Services,
        deliver: Deliver,
        clock: Clock,
        place: Place,
        signatures: Signatures | None,
        report: Callable[[str], None],
    ) -> None:
        self._services, self._deliver, self._clock = services, deliver, clock
        self._place, self._signatures, self._report = place, signatures, report
        self._connections: dict[str, Connection] = {}
        self._known: dict[tuple[str, str], Api | None] = {}
        self._buckets = TokenBuckets()
        self._left: set[asyncio.Future[Any]] = set()  # calls that took too long: they go on
        self._ending = False

    def forget(self) -> None:
        """Settings may have changed: they are asked for anew."""
        self._known.clear()

    async def close(self) -> None:
        """End every connection; nobody is told of it any more."""
        self._ending = True
        for each in list(self._connections.values()):
            await each.close(GOING_AWAY)
            await each.abandon()
        left = list(self._left)
        for call in left:
            call.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _settings(self, api: str, stage: str) -> Api | None:
        if (api, stage) not in self._known:
            self._known[api, stage] = await settings.read(self._ask, api, stage)
        return self._known[api, stage]

    async def _ask(self, place: str) -> Members:
        try:
            return await self._services.send("apigateway", "GET", place, {})
        except ServiceRefused as error:
            raise LookupError(place) from error

    # -- connections
    async def converse(self, request: Request, receive: asgi.Receive, send: asgi.Send) -> None:
        """One connection, from its handshake to the end."""
        await receive()  # that somebody wants to connect
        await self._services.loaded()
        found = _STAGE.match(at_home(request).target)
        api = await self._settings(found[1], found[2]) if found else None
        if api is None:
            await send({"type": "websocket.close"})  # 403, as for every wrong address
            return
        client = events.Client(events.new_id(), api, request, self._clock.time())
        now = partial(self._settings, api.id, api.stage)
        connection = Connection(client, self._call, self._authorize, now, self._clock, send)
        if await connection.connect():
            self._connections[client.id] = connection
            try:
                await connection.talk(receive)
            finally:
                self._connections.pop(client.id, None)

    async def _call(self, route: Route, event: Members) -> Told:
        """What the route is integrated with answers."""
        context, now = event["requestContext"], self._clock.time()
        bucket = (context["apiId"], context["stage"], route.key)
        # Whoever has left is told of, however many leave at once.
        if route.key != settings.DISCONNECT and not self._buckets.take(bucket, route.limits, now):
            return Told(why=Why.THROTTLED)
        kind = route.integration.get("integrationType", "")
        if kind == "MOCK":
            return Told({"statusCode": 200, "body": route.mock})
        function = called(str(route.integration.get("integrationUri", "")))
        if self._ending or kind != "AWS_PROXY" or not function:
            if not self._ending:
                self._report(
                    f"warning: route {route.key} of WebSocket API "
                    f"{context['apiId']} has no integration that the emulator "
                    "serves: AWS_PROXY with a function's ARN, or MOCK"
                )
            return Told(why=Why.ABSENT)
        return await self._invoke(function, event, seconds_of(route.integration, _LONGEST))

    async def _invoke(self, function: str, event: Members, seconds: float) -> Told:
        payload = json.dumps(event, ensure_ascii=False).encode()
        try:
            response = await within(seconds, self._deliver(function, payload, {}), self._left)
        except TimeoutError:
            return Told(why=Why.LATE)
        if response.status != 200:
            return Told(why=Why.ABSENT)
        failed = any(name == push_seam.ERROR for name, _ in response.headers)
        answer = None if failed else _parsed(response.body)
        return Told(why=Why.FAILED) if answer is None else Told(answer)

    # -- who may connect
    async def _authorize(self, client: events.Client) -> Members:
        route, api = client.api.routes[settings.CONNECT], client.api
        if route.authorization == "AWS_IAM":
            self._check_signature(client.request)
        if route.authorization != "CUSTOM":
            return {}
        sources = route.authorizer.get("identitySource") or []
        check_sources(list(sources), client.request, api.variables)
        place = self._place
        arn = f"arn:aws:execute-api:{place.region}:{place.account}:{api.id}/{api.stage}/$connect"
        event = events.asking(client, self._clock.time(), events.new_id(), arn)
        function = called(str(route.authorizer.get("authorizerUri", "")))
        response = await self._deliver(function, json.dumps(event).encode(), {})
        if response.status != 200 or any(n == push_seam.ERROR for n, _ in response.headers):
            raise Refused(500, "Internal server error")
        return allowed(json.loads(response.body or b"null"), arn)

    def _check_signature(self, request: Request) -> None:
        try:
            if self._signatures is None:
                read(request)
            else:
                self._signatures.caller(request)
        except Unsigned as error:
            raise Refused(403, str(error)) from None

    # -- @connections
    async def manage(self, request: Request) -> Response:
        """PostToConnection, GetConnection, DeleteConnection."""
        found = CONNECTIONS.fullmatch(at_home(request).path)
        if found is None:
            return _refused(403, "ForbiddenException", "Forbidden")
        if found[1] and await self._settings(found[1], found[2]) is None:
            return _refused(403, "ForbiddenException", "Forbidden")
        id = unquote(found[3])
        if not _ID.fullmatch(id):
            return _refused(400, "BadRequestException", f"Invalid connectionId: {id}")
        connection = self._connections.get(id)
        if connection is None or not connection.open or not _is_of(connection, *found.groups()):
            return _refused(410, "GoneException", "Gone")
        act = {"POST": self._post, "GET": self._get, "DELETE": self._delete}.get(request.method)
        if act is None:
            return _refused(403, "ForbiddenException", "Forbidden")
        return await act(connection, request)

    async def _post(self, connection: Connection, request: Request) -> Response:
        if request.cut or len(request.body) > MESSAGE:
            return _refused(413, "PayloadTooLargeException", "Message too long")
        await connection.send(request.body.decode("utf-8", "replace"))
        return Response(200)

    async def _get(self, connection: Connection, request: Request) -> Response:
        client = connection.client
        told = {
            "connectedAt": _iso(client.connected),
            "identity": client.identity,
            "lastActiveAt": _iso(connection.active),
        }
        kind = [("Content-Type", "application/json")]
        return Response(200, kind, json.dumps(told).encode())

    async def _delete(self, connection: Connection, request: Request) -> Response:
        self._connections.pop(connection.client.id, None)
        await connection.close(NORMAL, "")
        return Response(204)


def _is_of(connection: Connection, api: str | None, stage: str | None, _: str) -> bool:
    """Without an API in the path (an endpoint of the whole emulator's), the id alone says it."""
    of = connection.client.api
    return api is None or (of.id, of.stage) == (api, stage)


def _parsed(payload: bytes) -> Members | None:
    """A proxy's answer; None for what is none."""
    try:
        answer = json.loads(payload or b"null")
        status = int(answer["statusCode"])
    except (ValueError, TypeError, KeyError):
        return None
    sound = 100 <= status <= 599 and isinstance(answer.get("headers") or {}, dict)
    return answer if sound and isinstance(answer.get("body") or "", str) else None


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _refused(status: int, kind: str, message: str) -> Response:
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", kind)]
    return Response(status, headers, json.dumps({"message": message}).encode())
