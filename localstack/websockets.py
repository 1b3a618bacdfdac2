"""WebSockets behind the front: an upgraded connection becomes an ASGI conversation.

The frames are wsproto's matter, the conversation the application's (ministack's API Gateway); this
is the wire between the two, with bounds on what a client may send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from . import asgi
from . import messages as http

# API Gateway takes messages of 128 KB at the most; messages that wait to be taken, and their sum.
MESSAGE, AHEAD = 128 * 1024, 64
TOO_LARGE, GOING_AWAY, LOST = 1009, 1001, 1006


class WebSocket(asyncio.Protocol):
    """One connection, from its upgrade to its end.

    Create it with the request that asked for the upgrade, give it the transport, then `begin`.
    """

    def __init__(
        self, application: asgi.Application, request: http.Request, ended: Callable[[], None]
    ) -> None:
        self._application, self._request, self._ended = application, request, ended
        self._frames = WSConnection(ConnectionType.SERVER)
        self._inbox: asyncio.Queue[asgi.Message] = asyncio.Queue()
        self._parts: list[str | bytes] = []
        self._size = 0
        self._open = True
        self._accepted = False
        self._transport: asyncio.Transport | None = None

    def begin(self, transport: asyncio.BaseTransport, rest: bytes) -> None:
        """Take over the connection; `rest` is what came behind the request."""
        self._transport = cast(asyncio.Transport, transport)
        fields = [(name, value) for name, value in self._request.fields]
        self._frames.initiate_upgrade_connection(fields, self._request.target)
        self._inbox.put_nowait({"type": "websocket.connect"})
        task = asyncio.get_running_loop().create_task(self._converse())
        task.add_done_callback(self._over)
        self.data_received(rest)

    # -- what the transport calls
    def data_received(self, data: bytes) -> None:
        try:
            if data:
                self._frames.receive_data(data)
            for event in self._frames.events():
                self._take(event)
        except RemoteProtocolError as error:
            if error.event_hint is not None:
                self._say(error.event_hint)
            self._leave(LOST)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._disconnect(LOST)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # -- client to application
    def _take(self, event: Event) -> None:
        if isinstance(event, Ping):
            self._say(event.response())
        elif isinstance(event, TextMessage | BytesMessage):
            self._message(event)
        elif isinstance(event, CloseConnection):
            self._say(event.response())
            self._leave(event.code, event.reason or "")
        elif not isinstance(event, Request):
            pass  # pongs

    def _message(self, event: Message[Any]) -> None:
        self._size += len(event.data)
        if self._size > MESSAGE or self._inbox.qsize() >= AHEAD:
            self._say(CloseConnection(code=TOO_LARGE, reason="a message has at most 128 KB"))
            return self._leave(TOO_LARGE)
        self._parts.append(event.data)
        if event.message_finished:
            parts, self._parts, self._size = self._parts, [], 0
            if isinstance(parts[0], str):
                told = {"text": "".join(cast(list[str], parts))}
            else:
                told = {"bytes": b"".join(cast(list[bytes], parts))}  # type: ignore[dict-item]
            self._inbox.put_nowait({"type": "websocket.receive", **told})

    def _disconnect(self, code: int, reason: str = "") -> None:
        if self._open:
            self._open = False
            self._inbox.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    def _leave(self, code: int, reason: str = "") -> None:
        self._disconnect(code, reason)
        if self._transport is not None:
            self._transport.close()

    # -- application to client
    async def _converse(self) -> None:
        scope = asgi.scope_of(self._request)
        scope.update(type="websocket", scheme="ws", subprotocols=_subprotocols(self._request))
        await self._application(scope, self._inbox.get, self._send)

    async def _send(self, message: asgi.Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            self._accepted = True
            self._say(
                AcceptConnection(
                    subprotocol=message.get("subprotocol"),
                    extra_headers=list(message.get("headers", ())),
                )
            )
        elif kind == "websocket.send":
            data = message.get("text")
            self._say(Message(data if data is not None else message.get("bytes", b"")))
        elif kind == "websocket.close" and self._accepted:
            self._say(CloseConnection(code=int(message.get("code", 1000))))
            self._leave(int(message.get("code", 1000)))
        elif kind == "websocket.close":
            self._say(RejectConnection(status_code=403))
            self._leave(GOING_AWAY)

    def _say(self, event: Event) -> None:
        """Send a frame; to a client that has left, or is leaving, nothing is sent."""
        if self._transport is None or self._transport.is_closing():
            return
        try:
            self._transport.write(self._frames.send(event))
        except LocalProtocolError:
            pass  # both sides close at once

    def _over(self, task: asyncio.Task[None]) -> None:
        self._leave(GOING_AWAY)
        self._ended()
        if not task.cancelled():
            task.result()


def is_websocket(headers: dict[str, str]) -> bool:
    """
    >>> is_websocket({"upgrade": "websocket", "connection": "keep-alive, Upgrade"})
    True
    """
    return headers.get("upgrade", "").lower() == "websocket"


def _subprotocols(request: http.Request) -> list[str]:
    given = request.headers.get("sec-websocket-protocol", "")
    return [each.strip() for each in given.split(",") if each.strip()]
