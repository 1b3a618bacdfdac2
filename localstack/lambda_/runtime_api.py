"""The Runtime API as one worker sees it: a state table without a socket, and a lean server skin.

    state      request        next state   answer
    starting   GET next       idle         waits for an event
    starting   init/error     failed       202
    idle       (dispatch)     busy         the waiting GET next is answered 200 with the event
    busy       response       answered     202
    busy       error          answered     202
    answered   GET next       idle         waits
    any        anything else  unchanged    403 or 400, in the runtime interface emulator's words

The real client crashes when GET next is answered with an error, so it never is: a worker that is
not wanted any more is killed instead.  Sources: AWS's Runtime API page; answers of the runtime
interface emulator; traps found by running awslambdaric 4.2.2.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PREFIX = "/2018-06-01/runtime/"
NEXT_PATH = f"{PREFIX}invocation/next"
NEXT, END = f"GET {NEXT_PATH} ".encode(), b"\r\n\r\n"
ACCEPTED = b'{"status":"OK"}\n'


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event as GET next gives it."""

    request_id: str
    payload: bytes
    deadline_ms: int
    invoked_arn: str
    trace_id: str = ""
    client_context: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer; `content_type` is compared as a whole by the client, so it has no charset."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"


TAKEN = Reply(202, ACCEPTED)


def refuse(status: int, kind: str, message: str) -> Reply:
    return Reply(status, json.dumps({"errorMessage": message, "errorType": kind}).encode())


class WorkerState:
    """The table above.  `on_ready`, `on_answer` and `on_init_error` tell the sandbox."""

    def __init__(
        self,
        on_ready: Callable[[], None],
        on_answer: Callable[[str, bytes, bool], None],
        on_init_error: Callable[[bytes], None],
    ) -> None:
        self.state = "starting"
        self.request_id = ""
        self._on_ready, self._on_answer, self._on_init_error = on_ready, on_answer, on_init_error

    def request(self, method: str, path: str, body: bytes) -> Reply | None:
        """The answer to a request; None means: wait for `dispatch`."""
        name = path.removeprefix(PREFIX)
        if method == "GET" and name == "invocation/next":
            return self._next()
        if method == "POST" and name == "init/error":
            if self.state != "starting":
                return refuse(403, "InvalidStateTransition", "init is over")
            self.state = "failed"
            self._on_init_error(body)
            return TAKEN
        words = name.split("/")
        if method == "POST" and len(words) == 3 and words[0] == "invocation":
            return self._answer(words[1], words[2], body)
        return refuse(404, "NotFound", f"the Runtime API has no {method} {path}")

    def _next(self) -> Reply | None:
        if self.state in ("starting", "answered"):
            self.state = "idle"
            self._on_ready()
        return None

    def _answer(self, request_id: str, kind: str, body: bytes) -> Reply:
        if kind not in ("response", "error"):
            return refuse(404, "NotFound", f"an invocation has no {kind}")
        if request_id != self.request_id:
            return refuse(400, "InvalidRequestID", "Invalid request ID")
        if self.state != "busy":
            return refuse(403, "InvalidStateTransition", "the invocation is answered already")
        self.state = "answered"
        self._on_answer(request_id, body, kind == "error")
        return TAKEN

    def dispatch(self, delivery: Delivery) -> Reply:
        """The answer for the waiting GET next."""
        if self.state != "idle":
            raise RuntimeError(f"an event was given to a worker that is {self.state}")
        self.state, self.request_id = "busy", delivery.request_id
        headers = [
            ("Lambda-Runtime-Aws-Request-Id", delivery.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(delivery.deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", delivery.invoked_arn),
        ]
        if delivery.trace_id:
            headers.append(("Lambda-Runtime-Trace-Id", delivery.trace_id))
        if delivery.client_context:
            headers.append(("Lambda-Runtime-Client-Context", delivery.client_context))
        return Reply(200, delivery.payload, tuple(headers))


class RuntimeConnection(asyncio.Protocol):
    """One keep-alive connection of the runtime client; requests come one after another."""

    def __init__(self, server: RuntimeServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        if not self._buffer and data.startswith(NEXT) and data.find(END) == len(data) - 4:
            # The runtime client's own poll, whole in one piece: half of all requests.
            reply = self._server.worker.request("GET", NEXT_PATH, b"")
            if reply is None:
                return self._server.wait(self)
            return self.send(reply)
        self._buffer += data
        while (request := take_request(self._buffer)) is not None:
            reply = self._server.worker.request(*request)
            if reply is None:
                self._server.wait(self)
            else:
                self.send(reply)

    def send(self, reply: Reply) -> None:
        self._transport.write(_TAKEN if reply is TAKEN else encode(reply))


def take_request(buffer: bytearray) -> tuple[str, str, bytes] | None:
    """Cut one whole request (method, path, body) off the buffer; None until it is whole."""
    end = buffer.find(END)
    if end < 0:
        return None
    head = bytes(buffer[:end])
    _, found, value = head.lower().partition(b"\r\ncontent-length:")
    whole = end + 4 + (int(value.partition(b"\r\n")[0]) if found else 0)
    if len(buffer) < whole:
        return None
    body = bytes(buffer[end + 4 : whole])
    del buffer[:whole]
    method, path, _ = head.partition(b"\r\n")[0].decode("latin-1").split(" ", 2)
    return method, path, body


def encode(reply: Reply) -> bytes:
    """The reply as bytes, in one piece, so that no half of it waits for an acknowledgement."""
    lines = [
        f"HTTP/1.1 {reply.status} {'OK' if reply.status < 300 else 'Refused'}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
        *(f"{name}: {value}" for name, value in reply.headers),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + reply.body


_TAKEN = encode(TAKEN)  # the answer to every answer


class RuntimeServer:
    """One port for one worker."""

    def __init__(self, worker: WorkerState) -> None:
        self.worker = worker
        self._waiting: RuntimeConnection | None = None
        self._server: asyncio.Server | None = None
        self.address = ""

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: RuntimeConnection(self), "127.0.0.1", 0, backlog=8
        )
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"

    def wait(self, connection: RuntimeConnection) -> None:
        self._waiting = connection

    def forget(self, connection: RuntimeConnection) -> None:
        if self._waiting is connection:
            self._waiting = None

    def dispatch(self, delivery: Delivery) -> bool:
        """Give the event to the waiting worker; False when its connection is gone."""
        connection = self._waiting
        if connection is None:
            return False
        self._waiting = None
        connection.send(self.worker.dispatch(delivery))
        return True

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
