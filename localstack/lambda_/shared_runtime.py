"""The Runtime API for a sandbox of several workers, which all ask at one port.

With AWS_LAMBDA_MAX_CONCURRENCY the real runtime client forks that many workers; each imports the
function, asks for events on a connection of its own, and has one at a time.  So an event belongs to
a connection, and an answer to an event by its request id.

    GET next        waits; the first one ends the init
    init/error      202 for the first while none has asked, then 403, which the client lets pass
    response, error 202 for an event that is under way, else 400, which the client lets pass

Source: `MultiConcurrentRunner` and `LambdaMultiConcurrentRuntimeClient` of awslambdaric 4.2.2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .response_body import headers_of
from .runtime_api import ERROR_TYPE, PREFIX, TAKEN, Delivery, Reply, event_reply, refuse
from .runtime_server import Other, RuntimeConnection, RuntimeServer


class SharedState:
    """The table above."""

    def __init__(
        self,
        on_ready: Callable[[], None],
        on_answer: Callable[[str, bytes, bool], None],
        on_init_error: Callable[[bytes, str], None],
    ) -> None:
        self.state = "starting"
        self.under_way: set[str] = set()
        self._on_ready, self._on_answer, self._on_init_error = on_ready, on_answer, on_init_error

    def request(self, method: str, path: str, body: bytes, head: bytes = b"") -> Reply | None:
        """The answer to a request; None means: wait for an event."""
        name = path.removeprefix(PREFIX)
        if (method, name) == ("GET", "invocation/next"):
            if self.state == "starting":
                self.state = "ready"
                self._on_ready()
            return None
        if (method, name) == ("POST", "init/error"):
            return self._init_failed(body, head)
        words = name.split("/")
        if method == "POST" and len(words) == 3 and words[0] == "invocation":
            return self._answer(words[1], words[2], body)
        return refuse(404, "NotFound", f"the Runtime API has no {method} {path}")

    def dispatch(self, delivery: Delivery) -> Reply:
        """The answer for a waiting GET next."""
        self.under_way.add(delivery.request_id)
        return event_reply(delivery)

    def _init_failed(self, body: bytes, head: bytes) -> Reply:
        if self.state != "starting":
            return refuse(403, "InvalidStateTransition", "another worker has told of it")
        self.state = "failed"
        self._on_init_error(body, headers_of(head).get(ERROR_TYPE, ""))
        return TAKEN

    def _answer(self, request_id: str, kind: str, body: bytes) -> Reply:
        if kind not in ("response", "error"):
            return refuse(404, "NotFound", f"an invocation has no {kind}")
        if request_id not in self.under_way:
            return refuse(400, "InvalidRequestID", "Invalid request ID")
        self.under_way.discard(request_id)
        self._on_answer(request_id, body, kind == "error")
        return TAKEN


class SharedServer(RuntimeServer):
    """One port for all workers of a sandbox.

    on_lost: told the request id ("" for none) of a worker that has ended
    other, gone: as a `RuntimeServer` has them
    """

    def __init__(
        self,
        worker: SharedState,
        on_lost: Callable[[str], None],
        other: Other,
        gone: Callable[[RuntimeConnection], None],
    ) -> None:
        super().__init__(worker, other, gone)
        self._shared, self._on_lost = worker, on_lost
        self._free: deque[RuntimeConnection] = deque()
        self._events: dict[RuntimeConnection, str] = {}
        self._pending: deque[Delivery] = deque()

    @property
    def taken(self) -> int:
        """How many events are with workers, or wait for one."""
        return len(self._events) + len(self._pending)

    def wait(self, connection: RuntimeConnection) -> None:
        self._events.pop(connection, None)
        self._free.append(connection)
        while self._pending and self._free:
            self._give(self._pending.popleft())

    def dispatch(self, delivery: Delivery) -> bool:
        """Give the event to a worker; one that is about to ask takes it then."""
        if self._free:
            self._give(delivery)
        else:
            self._pending.append(delivery)
        return True

    def answered(self, request_id: str) -> None:
        """Its worker is free again, as soon as it asks."""
        for connection, has in list(self._events.items()):
            if has == request_id:
                del self._events[connection]

    def give_up(self, request_id: str) -> None:
        """Nobody waits for the event's end any more; its worker goes on, and its answer is
        refused."""
        self._shared.under_way.discard(request_id)
        self._pending = deque(each for each in self._pending if each.request_id != request_id)

    def forget(self, connection: RuntimeConnection) -> None:
        if connection in self._free:
            self._free.remove(connection)
            self._on_lost("")
        elif connection in self._events:
            self._on_lost(self._events.pop(connection))
        else:
            self._gone(connection)

    def _give(self, delivery: Delivery) -> None:
        connection = self._free.popleft()
        self._events[connection] = delivery.request_id
        connection.send(self._shared.dispatch(delivery))
