"""One client's connection to a WebSocket API, from its handshake to the end.

Each message is a call of its own: on AWS, too, they run beside one another, and answers come in the
order in which functions give them; here a few at one time, as each may be a process of its own.  It
knows the conversation (ASGI), never a frame or a socket.

Sources: API Gateway's developer guide on $connect and $disconnect, on binary media types (a binary
message ends the connection, 1003), and its page of quotas: ten minutes without a message, two hours
in all.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .. import asgi
from ..api_seam import THROTTLED, TIMED_OUT
from ..clock import Clock, Timer
from . import events
from .authorizing import Refused
from .settings import CONNECT, DISCONNECT, Api, Route

IDLE, LONGEST = 600.0, 7200.0  # seconds
AT_ONCE, AHEAD = 8, 256  # a connection's messages that run, and those that have been read
NORMAL, GOING_AWAY, NO_BINARY = 1000, 1001, 1003
_TIMED_OUT = "Going away"
Members = dict[str, Any]


class Why(Enum):
    """Why API Gateway itself answers in the place of a route's integration: status and message.

    FAILED: a function's error, or nothing that is an answer;  ABSENT: nothing that can be called
    LATE:   nothing within the time that an integration has;  THROTTLED: one too many
    """

    FAILED = 502, "Internal server error"
    ABSENT = 500, "Internal server error"
    LATE = 504, TIMED_OUT
    THROTTLED = 429, THROTTLED


@dataclass(frozen=True, slots=True)
class Told:
    """What a route's integration came to: its answer, or why there is none."""

    answer: Members = field(default_factory=dict)
    why: Why | None = None


# Calls what a route is integrated with.
Call = Callable[[Route, Members], Awaitable[Told]]


class Connection:
    """One connection.

    authorize: raises Refused, or gives what functions are told of who connects
    settings:  the API as it is now; None where it is no more
    """

    def __init__(
        self,
        client: events.Client,
        call: Call,
        authorize: Callable[[events.Client], Awaitable[Members]],
        settings: Callable[[], Awaitable[Api | None]],
        clock: Clock,
        send: asgi.Send,
    ) -> None:
        self.client, self.active = client, client.connected
        self._call, self._authorize, self._settings = call, authorize, settings
        self._clock, self._send = clock, send
        self._tasks: set[asyncio.Task[Any]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._timers: list[Timer] = []
        self.open = False

    async def connect(self) -> bool:
        """Let the client in, or answer why not; whether it is in."""
        request_id = events.new_id()
        try:
            accept = await self._asked(request_id)
        except Refused as error:
            await self._refuse(error, request_id)
            return False
        await self._send(accept)
        self.open = True
        return True

    async def _asked(self, request_id: str) -> Members:
        route, client = self.client.api.routes.get(CONNECT), self.client
        accept: Members = {"type": "websocket.accept"}
        if route is None:
            return accept
        client.authorizer = await self._authorize(client)
        event = events.connecting(client, self._clock.time(), request_id)
        told = await self._call(route, event)
        if told.why:
            raise Refused(*told.why.value)
        status = int(told.answer["statusCode"])
        if not 200 <= status < 300:
            raise Refused(status, "Forbidden" if status == 403 else "")
        headers = {str(k).lower(): v for k, v in (told.answer.get("headers") or {}).items()}
        if protocol := headers.get("sec-websocket-protocol"):
            accept["subprotocol"] = str(protocol)
        return accept

    async def _refuse(self, error: Refused, request_id: str) -> None:
        told = {"message": error.message} if error.message else {}
        ids = {"connectionId": self.client.id, "requestId": request_id}
        body = json.dumps({**told, **ids}, separators=(",", ":")).encode()
        headers = [
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(body)).encode()),
        ]
        start = {"type": "websocket.http.response.start", "status": error.status}
        await self._send({**start, "headers": headers})
        await self._send({"type": "websocket.http.response.body", "body": body})

    # -- the conversation
    async def talk(self, receive: asgi.Receive) -> None:
        """Come back when the connection has ended and $disconnect was called."""
        self._timers = [
            self._clock.call_later(IDLE, self._look),
            self._clock.call_later(LONGEST, lambda: self._beside(self.close(GOING_AWAY))),
        ]
        try:
            code, reason = await self._hear(receive)
        finally:
            self.open = False
            for each in self._timers:
                each.cancel()
        with self._clock.busy("the end of a WebSocket"):
            await self._left(code, reason)
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _hear(self, receive: asgi.Receive) -> tuple[int, str]:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return int(message.get("code") or 1005), str(message.get("reason") or "")
            self.active = self._clock.time()
            if (text := message.get("text")) is None:
                await self.close(NO_BINARY, "binary messages are not supported")
            else:
                self._beside(self._in_turn(text))
            while len(self._tasks) >= AHEAD:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    def _look(self) -> None:
        """End what has been idle; else look again when it might be."""
        left = self.active + IDLE - self._clock.time()
        if left <= 0:
            self._beside(self.close(GOING_AWAY))
        else:
            self._timers[0] = self._clock.call_later(left, self._look)

    async def _in_turn(self, text: str) -> None:
        async with self._slots:
            await self._message(text)

    async def _message(self, text: str) -> None:
        api, request_id = await self._settings(), events.new_id()
        route = api.route(text) if api else None
        if route is None:
            return await self._say_own("Forbidden", request_id)
        now = self._clock.time()
        told = await self._call(
            route, events.message(self.client, route.key, text, now, request_id)
        )
        if told.why:
            return await self._say_own(told.why.value[1], request_id)
        if route.answers and told.answer.get("body"):
            await self.send(told.answer["body"])

    async def _say_own(self, message: str, request_id: str) -> None:
        """What API Gateway itself answers."""
        ids = {"connectionId": self.client.id, "requestId": request_id}
        await self.send(json.dumps({"message": message, **ids}))

    async def _left(self, code: int, reason: str) -> None:
        api = await self._settings()
        route = api.routes.get(DISCONNECT) if api else None
        if route is not None:
            now, request_id = self._clock.time(), events.new_id()
            await self._call(route, events.leaving(self.client, code, reason, now, request_id))

    # -- from elsewhere
    async def send(self, text: str) -> None:
        """Send a text message, if the client is still there."""
        if self.open:
            self.active = self._clock.time()
            await self._send({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str = _TIMED_OUT) -> None:
        """Say good-bye; the conversation then ends by itself."""
        if self.open:
            self.open = False
            await self._send({"type": "websocket.close", "code": code, "reason": reason})

    def _beside(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._busily(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _busily(self, work: Awaitable[None]) -> None:
        with self._clock.busy("a message of a WebSocket"):
            await work

    async def abandon(self) -> None:
        """Drop what is under way: nobody is there any more."""
        tasks = list(self._tasks)
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
