"""What the port of AWS serves, put together: the gateway, what it passes requests to, its pages.

Everything that has to happen around a request of any service stands here: that what was printed
is delivered before logs are read, that stubs are there before something can push, that pollers
hear of what may have come, that a manual clock's sleepers look again.  What an answer says is
never decided here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from . import api_traffic, asgi, health, push_seam
from .bucket_cors import BucketCors
from .clock import Clock, RealClock
from .clock_door import ClockDoor
from .debug_door import DebugDoor
from .front import Handler, Request, Response
from .gateway import Gateway, at_home, is_api, is_connections, is_public, signed_for
from .lambda_.account import Account
from .lambda_.api import LambdaApi
from .lambda_.url_door import UrlDoor
from .pushes import Pushes
from .seen import Seen
from .services import Services
from .signatures.check import Signatures
from .turnstile import Turnstile
from .wiring import Machinery, say

if TYPE_CHECKING:
    from .websocket_apis.apis import WebSocketApis
    from .websockets import WebSocket


class Doors:
    """The ways into one emulator.

    signatures: checks who signed; None lets everybody in
    reset:      wipes the emulator
    """

    def __init__(
        self,
        account: Account,
        machinery: Machinery,
        services: Services,
        pushes: Pushes,
        clock: Clock,
        signatures: Signatures | None,
        nuclio_url: str,
        reset: Callable[[], Awaitable[None]],
    ) -> None:
        self._account, self._machinery = account, machinery
        self._services, self._pushes, self._clock = services, pushes, clock
        self._signatures, self._nuclio_url, self._wipe = signatures, nuclio_url, reset
        self._seen = Seen()
        self._websockets: WebSocketApis | None = None

    def handler(self, foreign: Callable[[Request], bool]) -> Handler:
        """Who answers every request of the port; foreign: whether a page of elsewhere sent it."""
        gateway = Gateway(
            LambdaApi(self._account),
            UrlDoor(self._account, self._signatures),
            self._others,
            {
                "GET /_pelton/health": self._health,
                "POST /_pelton/reset": self._reset,
                "GET /_pelton/calls": self._calls,
                "POST /_pelton/recordings": self._record,
                "GET /_pelton/recordings": self._recorded,
                "DELETE /_pelton/recordings": self._end_recording,
            },
            self._code,
            self._pushes.deliver,
            ClockDoor(self._clock),
            DebugDoor(self._account, self._machinery.debugged),
            BucketCors(self._others, self._services.cors_of),
            foreign,
        )
        noted = self._seen.noting(gateway)
        if self._signatures is None:
            return _stirring(noted, self._clock)
        return _stirring(Turnstile(self._signatures, noted, is_public), self._clock)

    async def _others(self, request: Request) -> Response:
        """Every service but Lambda.

        Who reads logs finds all that was printed until now, who reads metrics all that was
        counted; who can push finds every function.
        """
        service = signed_for(request)
        if service == "logs":
            await self._machinery.logs.flush()
        elif service == "monitoring":
            await self._machinery.metrics.flush()
        await self._pushes.settle()
        if is_connections(request):
            return await self._websocket_apis().manage(request)
        try:
            if is_api(request):
                return await api_traffic.serve(self._services, request)
            if service == "states" and not push_seam.are_noted():
                await self._services.loaded()
                await asyncio.to_thread(push_seam.note_tasks)
            return await api_traffic.quickly_made(self._services, request)
        finally:
            self._machinery.bell.ring(service, request.target.encode() + request.body)
            if self._websockets is not None and request.method not in ("GET", "HEAD"):
                self._websockets.forget()

    def _websocket_apis(self) -> WebSocketApis:
        if self._websockets is None:
            from .websocket_apis.apis import WebSocketApis

            self._websockets = WebSocketApis(
                self._services,
                self._pushes.deliver,
                self._clock,
                self._account.place,
                self._signatures,
                say,
            )
        return self._websockets

    async def close(self) -> None:
        """End the connections that there are."""
        if self._websockets is not None:
            await self._websockets.close()

    def websocket(self, request: Request, ended: Callable[[], None]) -> WebSocket:
        """A connection: of a WebSocket API, or of one of ministack's services."""
        from .websockets import WebSocket  # 25 ms that only the first of them waits for

        if is_api(request):
            return WebSocket(partial(self._talk, request), at_home(request), ended)

        async def converse(scope: asgi.Message, receive: asgi.Receive, send: asgi.Send) -> None:
            await self._services.loaded()
            await self._pushes.settle()
            await self._services.converse(scope, receive, send)

        return WebSocket(converse, at_home(request), ended)

    async def _talk(
        self, request: Request, scope: asgi.Message, receive: asgi.Receive, send: asgi.Send
    ) -> None:
        await self._websocket_apis().converse(request, receive, send)

    async def _health(self, request: Request) -> Mapping[str, Any]:
        """What there is; `?runtime=python3.12` waits until it is known what runs that."""
        place = self._account.place
        pythons = await self._machinery.hosts.told(parse_qs(request.query).get("runtime", ()))
        return health.report(
            place.region, place.account, self._services.ready, self._nuclio_url, pythons
        )

    async def _calls(self, request: Request) -> Mapping[str, Any]:
        """The calls that functions made; `?function=NAME`: of that one."""
        return self._seen.told(_one(parse_qs(request.query), "function"))

    async def _record(self, request: Request) -> Mapping[str, Any]:
        """Begin one: `?platform=lambda&function=NAME`."""
        asked = parse_qs(request.query)
        return {
            "recording": self._machinery.recordings.begin(
                _one(asked, "platform"), _one(asked, "function")
            )
        }

    async def _recorded(self, request: Request) -> Mapping[str, Any]:
        """What came since it was asked for last: `?recording=NUMBER`."""
        return self._machinery.recordings.take(_one(parse_qs(request.query), "recording"))

    async def _end_recording(self, request: Request) -> None:
        self._machinery.recordings.end(_one(parse_qs(request.query), "recording"))

    async def _reset(self, request: Request) -> None:
        await self._wipe()

    def _code(self, sha256: str) -> bytes | None:
        path = self._account.registry.archives.archive(sha256)
        return path.read_bytes() if sha256.isalnum() and path.exists() else None


def _one(asked: Mapping[str, list[str]], name: str) -> str:
    """A parameter of a query, "" where it is not given."""
    return next(iter(asked.get(name, ())), "")


def _stirring(handler: Handler, clock: Clock) -> Handler:
    """`handler`, after each of whose answers those look who wait for a change."""
    if isinstance(clock, RealClock):
        return handler

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        finally:
            clock.stir()

    return answer
