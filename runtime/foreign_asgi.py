"""An ASGI application as a function: one request in, one whole answer out, and no server.

It knows ASGI's messages and no platform: how a request arrives and an answer leaves is the matter
of `foreign_asgi_lambda` and `foreign_asgi_nuclio`.  Imported only where an app has `app.asgi(…)`.
Source: the ASGI specification 3.0, its HTTP and lifespan parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

from ..handlers.context import Context
from ..handlers.errors import WrongUse
from .call import run_async

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

VERSION = {"version": "3.0", "spec_version": "2.4"}


class Request(NamedTuple):
    """A request, whole.  path: decoded, with `root_path` before it; query: as it was asked for;
    headers: names in lower case; own: members of the scope that only the platform has."""

    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes
    own: dict[str, Any]
    raw_path: bytes = b""
    root_path: str = ""
    scheme: str = "https"
    client: tuple[str, int] | None = None
    server: tuple[str, int] | None = None


class Answer(NamedTuple):
    """An answer, whole."""

    status: int
    headers: Headers
    body: bytes


class Hosted:
    """An application in one worker: its lifespan, and its answers."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.state: dict[str, Any] = {}
        self._life: Life | None = None

    def start(self) -> None:
        """Run the application's startup.  Raises `WrongUse` with what it said when it failed."""
        life = Life(self.application, self.state)
        run_async(life.start())
        self._life = life

    def stop(self) -> None:
        """Run its shutdown, where its startup was run."""
        life, self._life = self._life, None
        if life is not None:
            run_async(life.stop())

    def answer(self, request: Request, context: Context) -> Answer:
        """The application's answer.  What it raises is logged with its trace and answered as a
        500, or as what it sent before it raised."""
        conversation = Conversation(request)
        scope = {**scope_of(request), "state": dict(self.state)}
        try:
            run_async(self._call(scope, conversation))
        except Exception:
            # A server would do the same: the caller gets a 500, the trace goes to the log.
            context.logger.exception("the ASGI application failed", path=request.path)
            return conversation.answer() or FAILED
        answer = conversation.answer()
        if answer is None:
            context.logger.error("the ASGI application sent no whole answer", path=request.path)
        return answer or FAILED

    async def _call(self, scope: Message, conversation: Conversation) -> None:
        await self.application(scope, conversation.receive, conversation.send)


FAILED = Answer(500, [(b"content-type", b"text/plain; charset=utf-8")], b"Internal Server Error")


def scope_of(request: Request) -> dict[str, Any]:
    """The connection scope of a request."""
    return {
        "type": "http",
        "asgi": dict(VERSION),
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.raw_path,
        "query_string": request.query,
        "root_path": request.root_path,
        "headers": request.headers,
        "client": request.client,
        "server": request.server,
        "extensions": {},
        **request.own,
    }


class Conversation:
    """What an application receives of one request, and what it sends, gathered.

    A body that is sent in pieces is one body here: no platform's Python runtime passes pieces on.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._asked = False
        self._over: asyncio.Event | None = None  # made in the loop that the application runs in
        self._status = 0
        self._headers: Headers = []
        self._pieces: list[bytes] = []
        self._whole = False

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        if not self._whole:
            self._over = self._over or asyncio.Event()
            await self._over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start" and not self._status:
            self._status = int(message["status"])
            self._headers = [(bytes(n).lower(), bytes(v)) for n, v in message.get("headers", ())]
        elif kind == "http.response.body" and self._status and not self._whole:
            self._pieces.append(bytes(message.get("body", b"")))
            if not message.get("more_body", False):
                self._end()
        else:
            raise RuntimeError(f"the application sent {kind!r} where it has no place")

    def _end(self) -> None:
        self._whole = True
        if self._over is not None:
            self._over.set()

    def answer(self) -> Answer | None:
        """The answer; None when it is not whole."""
        if not self._whole:
            return None
        return Answer(self._status, self._headers, b"".join(self._pieces))


class Life:
    """The lifespan of an application: a task that waits between the worker's events."""

    def __init__(self, application: Application, state: dict[str, Any]) -> None:
        self._application, self._state = application, state
        self._failed: str | None = None

    async def start(self) -> None:
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._started, self._stopped = asyncio.Event(), asyncio.Event()
        self._inbox.put_nowait({"type": "lifespan.startup"})
        self._task = asyncio.get_running_loop().create_task(self._live())
        # A process that ends without a stop (a kill, a test) has nothing to report of it.
        self._task._log_destroy_pending = False  # type: ignore[attr-defined]
        waiting = asyncio.ensure_future(self._started.wait())
        await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._failed is not None:
            raise WrongUse(f"the ASGI application did not start: {self._failed}")

    async def _live(self) -> None:
        scope = {"type": "lifespan", "asgi": dict(VERSION), "state": self._state}
        try:
            await self._application(scope, self._inbox.get, self._send)
        except Exception:
            # Before its startup is over: it has no lifespan, as the specification lets it say.
            # A startup or a shutdown that failed has been told by its own message.
            if self._started.is_set() and not self._stopped.is_set() and self._failed is None:
                self._failed = "its lifespan ended with an error"

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind.endswith(".failed"):
            self._failed = str(message.get("message", "")).strip() or "it did not say why"
        (self._started if ".startup." in kind else self._stopped).set()

    async def stop(self) -> None:
        if self._task.done():
            return
        self._inbox.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait({self._task})
        if self._failed is not None:
            raise WrongUse(f"the ASGI application did not stop as it should: {self._failed}")
