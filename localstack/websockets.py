"""WebSockets behind the front: an upgraded connection becomes an ASGI conversation.

The frames are wsproto's matter, the conversation the application's (`websocket_apis`, or one of
ministack's services); this is the wire between the two, with bounds on what a client may send.
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
    RejectData,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from . import asgi
from . import messages as http

# API Gateway takes messages of 128 KB and frames of 32 KB at the most (its page of quotas); of
# messages that wait to be taken there are so many, then no more is read.
MESSAGE, FRAME, AHEAD = 128 * 1024, 32 * 1024, 64
UNREAD = 64 * MESSAGE  # bytes that a client may leave unread, before it is dropped
TOO_LARGE, GOING_AWAY, LOST = 1009, 1001, 1006
_TOO_LARGE = "a message has at most 128 KB, in frames of at most 32 KB"


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
        self._size = self._frame = 0
        self._full = False
        self._open = True
        self._accepted = False
        self._transport: asyncio.Transport | None = None

    def begin(self, transport: asyncio.BaseTransport, rest: bytes) -> None:
        """Take over the connection; `rest` is what came behind the request."""
        self._transport = cast(asyncio.Transport, transport)
        self._frames.initiate_upgrade_connection(list(self._request.fields), self._request.target)
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
        """To a pong, and to the request that is known already, there is nothing to be said."""
        if isinstance(event, Ping):
            self._say(event.response())
        elif isinstance(event, TextMessage | BytesMessage):
            self._message(event)
        elif isinstance(event, CloseConnection):
            self._say(event.response())
            self._leave(event.code, event.reason or "")

    def _message(self, event: Message[Any]) -> None:
        if not self._open:
            return
        size = _bytes_of(event.data)
        self._size, self._frame = self._size + size, self._frame + size
        if self._size > MESSAGE or self._frame > FRAME:
            self._say(CloseConnection(code=TOO_LARGE, reason=_TOO_LARGE))
            return self._leave(TOO_LARGE)
        if event.frame_finished:
            self._frame = 0
        self._parts.append(event.data)
        if event.message_finished:
            parts, self._parts, self._size = self._parts, [], 0
            if isinstance(parts[0], str):
                told = {"text": "".join(cast(list[str], parts))}
            else:
                told = {"bytes": b"".join(cast(list[bytes], parts))}  # type: ignore[dict-item]
            self._inbox.put_nowait({"type": "websocket.receive", **told})
            if self._inbox.qsize() >= AHEAD and self._transport is not None:
                self._full = True
                self._transport.pause_reading()

    async def _receive(self) -> asgi.Message:
        message = await self._inbox.get()
        if self._full and self._inbox.qsize() < AHEAD:
            self._full = False
            if self._transport is not None:
                self._transport.resume_reading()
        return message

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
        scope["extensions"] = {"websocket.http.response": {}}
        await self._application(scope, self._receive, self._send)

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
            if self._transport and self._transport.get_write_buffer_size() > UNREAD:
                self.abort()
        elif kind == "websocket.close" and self._accepted:
            code = int(message.get("code", 1000))
            self._say(CloseConnection(code=code, reason=message.get("reason") or None))
            self._leave(code)
        elif kind == "websocket.close":
            self._say(RejectConnection(status_code=403))
            self._leave(GOING_AWAY)
        elif kind == "websocket.http.response.start":
            refusal = RejectConnection(
                status_code=message["status"], headers=message["headers"], has_body=True
            )
            self._say(refusal)
        elif kind == "websocket.http.response.body":
            self._say(RejectData(data=message.get("body", b"")))
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


def _bytes_of(data: str | bytes) -> int:
    return len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode())


def is_websocket(headers: dict[str, str]) -> bool:
    """
    >>> is_websocket({"upgrade": "websocket", "connection": "keep-alive, Upgrade"})
    True
    """
    return headers.get("upgrade", "").lower() == "websocket"


def _subprotocols(request: http.Request) -> list[str]:
    given = request.headers.get("sec-websocket-protocol", "")
    return [each.strip() for each in given.split(",") if each.strip()]
