"""The Runtime API as one worker sees it: a state table without a socket.

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

import json
from collections.abc import Callable
from typing import NamedTuple, Protocol

from .response_body import headers_of

PREFIX = "/2018-06-01/runtime/"
NEXT_PATH = f"{PREFIX}invocation/next"
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
