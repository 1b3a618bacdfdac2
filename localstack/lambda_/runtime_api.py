"""The Runtime API as one worker sees it: a state table without a socket, and a lean server skin.

    state      request        next state   answer
    starting   GET next       idle         waits for an event
    starting   init/error     failed       202
    starting   GET restore    standing     waits to be restored (SnapStart only)
    standing   (restore)      restoring    the waiting GET restore is answered 200
    restoring  restore/error  failed       202
    restoring  GET next       idle         waits for an event
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
from typing import Any, Protocol

PREFIX = "/2018-06-01/runtime/"
NEXT_PATH = f"{PREFIX}invocation/next"
NEXT, END = f"GET {NEXT_PATH} ".encode(), b"\r\n\r\n"
ERROR_TYPE = "lambda-runtime-function-error-type"
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
        on_init_error: Callable[[bytes, str], None],
        on_standing: Callable[[], None] = lambda: None,
    ) -> None:
        self.state = "starting"
        self.request_id = ""
        self._on_ready, self._on_answer, self._on_init_error = on_ready, on_answer, on_init_error
        self._on_standing = on_standing

    def request(self, method: str, path: str, body: bytes, head: bytes = b"") -> Reply | None:
        """The answer to a request; None means: wait for `dispatch` or `restore`."""
        name = path.removeprefix(PREFIX)
        if method == "GET" and name == "invocation/next":
            return self._next()
        if method == "POST" and name == "init/error":
            if self.state != "starting":
                return refuse(403, "InvalidStateTransition", "init is over")
            return self._failed(body, head)
        if name.startswith("restore/"):
            return self._restore(method, name, body, head)
        words = name.split("/")
        if method == "POST" and len(words) == 3 and words[0] == "invocation":
            return self._answer(words[1], words[2], body)
        return refuse(404, "NotFound", f"the Runtime API has no {method} {path}")

    def _next(self) -> Reply | None:
        if self.state in ("starting", "answered", "restoring"):
            self.state = "idle"
            self._on_ready()
        return None

    def _failed(self, body: bytes, head: bytes) -> Reply:
        self.state = "failed"
        self._on_init_error(body, headers_of(head).get(ERROR_TYPE, ""))
        return TAKEN

    def _restore(self, method: str, name: str, body: bytes, head: bytes) -> Reply | None:
        if (method, name, self.state) == ("GET", "restore/next", "starting"):
            self.state = "standing"
            self._on_standing()
            return None
        if (method, name, self.state) == ("POST", "restore/error", "restoring"):
            return self._failed(body, head)
        return refuse(403, "InvalidStateTransition", f"nothing is restored: it is {self.state}")

    def restore(self) -> Reply:
        """The answer for the waiting GET restore/next."""
        if self.state != "standing":
            raise RuntimeError(f"a worker that is {self.state} was restored")
        self.state = "restoring"
        return Reply(200, b"")

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
        return event_reply(delivery)


def event_reply(delivery: Delivery) -> Reply:
    """An event as the answer to GET next."""
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


class Worker(Protocol):
    """What answers the runtime client: one worker's state, or that of several."""

    state: str

    def request(self, method: str, path: str, body: bytes, head: bytes = b"") -> Reply | None: ...

    def dispatch(self, delivery: Delivery) -> Reply: ...


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
        while (request := self._take()) is not None:
            reply = self._answer(*request)
            if reply is not None:
                self.send(reply)

    def _take(self) -> tuple[str, str, bytes, bytes] | None:
        try:
            return take_request(self._buffer)
        except ValueError as error:
            self.send(refuse(400, "BadRequest", f"this is no HTTP request: {error}"))
            self._buffer.clear()
            self._transport.close()
            return None

    def _answer(self, method: str, path: str, body: bytes, head: bytes) -> Reply | None:
        if not path.startswith(PREFIX):
            return self._server.other(self, method, path, head, body)
        reply = self._server.worker.request(method, path, body, head)
        if reply is None:
            self._server.wait(self)
        return reply

    def send(self, reply: Reply) -> None:
        self._transport.write(_TAKEN if reply is TAKEN else encode(reply))


def take_request(buffer: bytearray) -> tuple[str, str, bytes, bytes] | None:
    """Cut one whole request (method, path, body, head) off the buffer; None until it is whole."""
    end = buffer.find(END)
    if end < 0:
        return None
    head = bytes(buffer[:end])
    lower = head.lower()
    _, found, value = lower.partition(b"\r\ncontent-length:")
    if not found and b"\r\ntransfer-encoding: chunked" in lower:
        whole, body = take_chunks(buffer, end + 4)
    else:
        whole = end + 4 + (int(value.partition(b"\r\n")[0]) if found else 0)
        body = bytes(buffer[end + 4 : whole])
    if len(buffer) < whole:
        return None
    del buffer[:whole]
    method, path, _ = head.partition(b"\r\n")[0].decode("latin-1").split(" ", 2)
    return method, path, body, head


def take_chunks(buffer: bytearray, at: int) -> tuple[int, bytes]:
    """Where a chunked body that begins at `at` ends, and the body; beyond the buffer until it is
    whole.  The runtime client sends none; the HTTP clients of extensions may."""
    body = bytearray()
    while (end := buffer.find(b"\r\n", at)) >= 0:
        size = int(buffer[at:end].partition(b";")[0], 16)
        body += buffer[end + 2 : end + 2 + size]
        at = end + 2 + size + 2
        if size == 0:
            return at, bytes(body)
    return len(buffer) + 1, b""


def headers_of(head: bytes) -> dict[str, str]:
    """The headers of a request, by lower-case name."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    parts = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in parts}


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


# (connection, method, path, head, body) -> the answer, None when it comes later.
Other = Callable[["RuntimeConnection", str, str, bytes, bytes], Reply | None]


class RuntimeServer:
    """One port for one worker.

    other: answers what is not the runtime's (the Extensions, Telemetry and Logs APIs)
    gone: told of each connection that ends
    """

    def __init__(
        self, worker: Worker, other: Other, gone: Callable[[RuntimeConnection], None]
    ) -> None:
        self.worker, self.other, self._gone = worker, other, gone
        self._waiting: RuntimeConnection | None = None
        self._server: asyncio.Server | None = None
        self.address = ""

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: RuntimeConnection(self), "127.0.0.1", 0, backlog=32
        )
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"

    def wait(self, connection: RuntimeConnection) -> None:
        self._waiting = connection

    def forget(self, connection: RuntimeConnection) -> None:
        if self._waiting is connection:
            self._waiting = None
        self._gone(connection)

    def dispatch(self, delivery: Delivery) -> bool:
        """Give the event to the waiting worker; False when its connection is gone."""
        connection = self._waiting
        if connection is None:
            return False
        self._waiting = None
        connection.send(self.worker.dispatch(delivery))
        return True

    def restore(self) -> bool:
        """Let the worker go on that waits to be restored; False when it is gone."""
        connection = self._waiting
        if connection is None:
            return False
        self._waiting = None
        assert isinstance(self.worker, WorkerState)
        connection.send(self.worker.restore())
        return True

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
