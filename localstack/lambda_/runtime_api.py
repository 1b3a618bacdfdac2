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
    busy       (streaming)    streaming    its pieces go on to the caller as they come
    streaming  (its end)      answered     202
    answered   GET next       idle         waits
    any        anything else  unchanged    403 or 400, in the runtime interface emulator's words

The real client crashes when GET next is answered with an error, so it never is: a worker that is
not wanted any more is killed instead.  A response streams when it says so (`response_body`).
Sources: AWS's Runtime API page; answers of the runtime interface emulator; traps found by running
awslambdaric 4.2.2.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from .response_body import MODE, Arriving, error_of, headers_of, take_head
from .streams import Tap, truncated

PREFIX = "/2018-06-01/runtime/"
NEXT_PATH = f"{PREFIX}invocation/next"
NEXT, END = f"GET {NEXT_PATH} ".encode(), b"\r\n\r\n"
ERROR_TYPE = "lambda-runtime-function-error-type"
ACCEPTED = b'{"status":"OK"}\n'


class Delivery(NamedTuple):
    """One event as GET next gives it."""

    request_id: str
    payload: bytes
    deadline_ms: int
    invoked_arn: str
    trace_id: str = ""
    client_context: str = ""


class Reply(NamedTuple):
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

    def begin_stream(self, path: str) -> Reply | None:
        """None when a streaming response may begin, which it then does."""
        words = path.removeprefix(PREFIX).split("/")
        if len(words) != 3 or words[0] != "invocation" or words[2] != "response":
            return refuse(404, "NotFound", f"nothing is streamed to {path}")
        if words[1] != self.request_id:
            return refuse(400, "InvalidRequestID", "Invalid request ID")
        if self.state != "busy":
            return refuse(403, "InvalidStateTransition", "the invocation is answered already")
        self.state = "streaming"
        return None

    def end_stream(self) -> None:
        """A streaming response is at its end."""
        self.state = "answered"

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
        self._arriving: Arriving | None = None
        self._tap: Tap | None = None  # through which the response that is arriving streams

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)
        if self._tap is not None:
            self._tap.broke_off()

    def data_received(self, data: bytes) -> None:
        if (
            not self._buffer
            and self._arriving is None
            and data.startswith(NEXT)
            and data.find(END) == len(data) - 4
        ):
            # The runtime client's own poll, whole in one piece: half of all requests.
            reply = self._server.worker.request("GET", NEXT_PATH, b"")
            if reply is None:
                return self._server.wait(self)
            return self.send(reply)
        try:
            if not self._buffer and self._arriving is None:
                request = whole_request(data)
                if request is not None:
                    return self._reply(self._answer(*request))
            self._buffer += data
            while self._arrived(self._arriving) if self._arriving else self._begun():
                pass
        except ValueError as error:
            self._end_stream(truncated(str(error)))
            self.send(refuse(400, "BadRequest", f"this is no HTTP request: {error}"))
            self._buffer.clear()
            self._transport.close()

    def _begun(self) -> bool:
        """Take the next request, or its head; False when neither is there yet."""
        request = take_request(self._buffer)
        if request is not None:
            self._reply(self._answer(*request))
            return True
        arriving = self._arriving = take_head(self._buffer)
        if arriving is not None and arriving.mode == "streaming":
            self._tap, arriving.refused = self._server.begin_stream(arriving.path)
            if self._tap is not None:
                self._tap.began(arriving.content_type, self.stop, self.go)
        elif arriving is not None and arriving.mode not in ("", "buffered"):
            kind = "InvalidFunctionResponseMode"
            arriving.refused = refuse(400, kind, "Invalid function response mode")
        return arriving is not None

    def _arrived(self, arriving: Arriving) -> bool:
        """Take what has come of the present body; False when that is not all."""
        piece = arriving.body.take(self._buffer)
        if self._tap is None:
            arriving.keep(piece)
        elif piece and not self._tap.piece(piece):
            self._end_stream(None)
            kind, told = "RequestEntityTooLarge", "Exceeded maximum allowed payload size."
            arriving.refused = refuse(413, kind, told)
        if arriving.body.bad is not None:
            raise arriving.body.bad
        if not arriving.body.done:
            return False
        self._arriving = None
        if self._tap is not None:
            self._end_stream(error_of(arriving.body.trailers))
            self.send(TAKEN)
        elif arriving.refused is not None:
            self.send(arriving.refused)
        else:
            body = bytes(arriving.kept)
            self._reply(self._answer(arriving.method, arriving.path, body, arriving.head))
        return True

    def _end_stream(self, error: bytes | None) -> None:
        """The response that streams is over, with an error or b"" for none; None was told."""
        tap, self._tap = self._tap, None
        if tap is not None:
            self._server.end_stream()
            if error is not None:
                tap.over(error)

    def stop(self) -> None:
        """Read no more: the caller is behind."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def go(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _reply(self, reply: Reply | None) -> None:
        if reply is not None:
            self.send(reply)

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
    """Cut one whole request (method, path, body, head) off the buffer; None until it is whole, and
    for those whose body is taken piece by piece (`take_head`)."""
    end = buffer.find(END)
    if end < 0:
        return None
    head = bytes(buffer[:end])
    length = body_length(head)
    whole = end + 4 + length
    if length < 0 or len(buffer) < whole:
        return None
    body = bytes(buffer[end + 4 : whole])
    del buffer[:whole]
    return *first_line(head), body, head


def whole_request(data: bytes) -> tuple[str, str, bytes, bytes] | None:
    """As `take_request`, of data that is one request and nothing else: nearly all are."""
    end = data.find(END)
    head = data[:end]
    if end < 0 or len(data) != end + 4 + body_length(head):
        return None
    return *first_line(head), data[end + 4 :], head


def body_length(head: bytes) -> int:
    """Bytes of the body that belongs to `head`; -1 when it is taken piece by piece."""
    lower = head.lower()
    if b"\r\ntransfer-encoding:" in lower or MODE in lower:
        return -1
    _, found, value = lower.partition(b"\r\ncontent-length:")
    length = int(value.partition(b"\r\n")[0]) if found else 0
    if length < 0:
        raise ValueError("a length below zero")
    return length


def first_line(head: bytes) -> tuple[str, str]:
    """Method and path."""
    method, path, _ = head.partition(b"\r\n")[0].decode("latin-1").split(" ", 2)
    return method, path


def encode(reply: Reply) -> bytes:
    """The reply as bytes, in one piece, so that no half of it waits for an acknowledgement."""
    status, body, headers, content_type = reply
    more = "".join([f"{name}: {value}\r\n" for name, value in headers])
    head = (
        f"HTTP/1.1 {status} {'OK' if status < 300 else 'Refused'}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode("latin-1") + body


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
        self.tap: Tap | None = None  # for responses that stream; None keeps them together
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

    def begin_stream(self, path: str) -> tuple[Tap | None, Reply | None]:
        """Where a response that streams goes, or why it must not."""
        if self.tap is None:
            return None, None
        assert isinstance(self.worker, WorkerState)
        refused = self.worker.begin_stream(path)
        return (self.tap if refused is None else None), refused

    def end_stream(self) -> None:
        assert isinstance(self.worker, WorkerState)
        self.worker.end_stream()

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
