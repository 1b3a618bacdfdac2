"""An ASGI application among the functions of one process: it has the server's own messages.

What it sends goes out as it comes, and what its client sends comes in pieces; on the platforms both
are whole (`foreign_asgi`).  It knows no route, and nothing of the other functions.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any

from ..handlers.context import Context
from ..handlers.function import Function
from ..handlers.metrics import Metrics
from .asgi_context import context_of
from .asgi_gone import Receive
from .asgi_stream import Send
from .asgi_wire import Refused, Scope
from .foreign_asgi import FAILED, Life
from .traces import shown
from .worker import Worker


class HostedApplication:
    """A function that is an application: its worker, its lifespan, its conversations."""

    def __init__(self, function: Function[..., Any], metrics: Metrics | None = None) -> None:
        self.function = function
        self.worker = Worker(function, metrics)
        self._state: dict[str, Any] = {}  # what its lifespan leaves for its requests
        self._life: Life | None = None

    def context(self, request_id: str, deadline: float | None = None) -> Context:
        """For its hooks; the application itself has none."""
        return context_of(self.worker, self.function.name, request_id, deadline)

    async def start(self) -> None:
        """Run its startup.  Raises `WrongUse` with what it said when that failed."""
        life = Life(self.function.user_function, self._state)
        await life.start()
        self._life = life

    async def stop(self) -> None:
        """Run its shutdown, where its startup was run.  Raises as `start`."""
        life, self._life = self._life, None
        if life is not None:
            await life.stop()

    async def converse(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        """One request.  What the application raises is printed and is a 500, or an answer that is
        left without its end where it has begun.

        most: bytes of the request's body; Raises `Refused` (413) for more, before an answer
        """
        begun = False

        async def send_on(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        body = _Body(scope, receive, most)
        try:
            own = {**scope, "state": dict(self._state)}
            await self.function.user_function(own, body.receive, send_on)
        except Exception as error:
            if body.refused is not None and not begun:
                raise body.refused from None
            trace = traceback.format_exception(type(error), error, shown(error, self.function))
            print("".join(trace), file=sys.stderr, flush=True)
            if not begun:
                head = {"type": "http.response.start", "status": FAILED.status}
                await send({**head, "headers": list(FAILED.headers)})
                await send({"type": "http.response.body", "body": FAILED.body})


class _Body:
    """A request's body on its way in, bounded.  Raises `Refused` where it is too large."""

    def __init__(self, scope: Scope, receive: Receive, most: int) -> None:
        self._receive, self._most, self._size = receive, most, 0
        self.refused: Refused | None = None
        said = dict(scope["headers"]).get(b"content-length", b"0").decode("latin-1")
        if said.isdigit() and int(said) > most:
            self._refuse(f"the body has {said} bytes, {most} are taken")

    def _refuse(self, what: str) -> None:
        self.refused = Refused(what, 413)
        raise self.refused

    async def receive(self) -> Any:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > self._most:
            self._refuse(f"the body has more than the {self._most} bytes that are taken")
        return message
