"""The HTTP trigger: a port of its own; a request becomes an event, its reply the answer.

What is answered, a reply or its lack, is composed by `http_answers`.
Source: Nuclio's public pkg/processor/trigger/http, and fasthttp, the server that it is made with.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, unquote

from ...front import Front, Limits, Request, Response
from ...messages import broken
from .. import wire
from ..cloudevents import NotACloudEvent, is_cloud_event, unwrapped
from ..cors import cors_of
from ..gates import OwnRules, ServiceNames
from ..pool import NoWorker, Pool, first
from ..work import Work
from ..worker import WorkerFailed, WorkerTimedOut
from .base import Around
from .http_answers import SERVER, UNREADABLE, Answers, large_head, said
from .http_batches import batches_of

KIND, HEALTH = "http", "/__internal/health"
MAX_BODY, MAX_HEAD = 4 * 1024 * 1024, 16 * 1024


class HttpTrigger:
    """One listening port for one function."""

    def __init__(self, name: str, settings: dict[str, Any], pool: Pool, around: Around) -> None:
        self.name, self.kind = name, KIND
        self._pool, self._around, self._clock = pool, around, around.clock
        self._answers = Answers(name, around)
        attributes = settings.get("attributes") or {}
        if settings.get("mode") == "async":
            around.say("warn", f"trigger {name}: mode async is not there, events come one by one")
        self._wanted = int(attributes.get("port") or 0)
        self._max_body = int(attributes.get("maxRequestBodySize") or MAX_BODY)
        head = int(attributes.get("readBufferSize") or MAX_HEAD)
        self._limits = Limits(head=head, large_head=large_head)
        self._cors = cors_of(attributes)
        self._gate = (OwnRules if self._cors else ServiceNames)(around.gate)
        self._batches = batches_of(settings, pool, around.clock)
        self._plain = self._cors is None and self._batches is None
        self._tasks: set[asyncio.Task[None]] = set()  # of answers that take one
        self._former, self._preferred = around.take_place()
        self._front = Front(self._gate, limits=self._limits, body=self._max_body)
        self.port = 0

    @property
    def takes_over(self) -> bool:
        """Whether it takes the place of another, which then has none: nothing may fail later."""
        return self._former is not None and self._wanted in (0, self._former.port)

    async def start(self) -> None:
        former = self._former
        if former is not None and self.takes_over:
            # Its callers keep their address and their connections.
            self._front, former._front, self.port = former._front, Front(), former.port
            self._front.gate, self._front.limits = self._gate, self._limits
            self._front.handler, self._front.body = self.answer, self._max_body
            self._front.begin = self.begin
            return
        self.port = self._bind()
        self._front.begin = self.begin
        await self._front.serve(self.answer)

    def _bind(self) -> int:
        """The configured port; without one the preferred, when it is free."""
        if self._preferred and not self._wanted:
            try:
                return self._front.bind(self._around.host, self._preferred)
            except OSError:  # taken meanwhile
                pass
        return self._front.bind(self._around.host, self._wanted)

    def retire(self) -> None:
        """Nobody new is let in, unless another took its place; those who have come are answered."""
        self._front.retire()

    async def close(self) -> None:
        if self._batches is not None:
            await self._batches.close()
        await self._front.close()

    def begin(self, request: Request, done: Callable[[Response], None]) -> bool:
        """Answer by `done` later, with no task in between; False where `answer` must."""
        large = request.cut or len(request.body) > self._max_body
        if large or not self._plain or request.target.startswith(HEALTH):
            return False
        try:
            event = self._event(request)
        except NotACloudEvent:
            return False
        work = self._pool.ask(event)

        def finish(answer: asyncio.Future[bytes]) -> None:
            if answer.cancelled() or answer.exception() is not None:
                self._go_on(self._fail(request, event, work, done))
                return
            try:
                reply = first(self._pool.answered(work, event))
                response, file, delete = self._answers.composed(request, reply, work)
            except ValueError as error:
                done(self._answers.failed(request, error, work))
            except Exception as error:  # the last door: its client must not wait for ever
                done(broken(request, error))
            else:
                if file:
                    self._go_on(self._send_file(response, file, delete, done))
                else:
                    done(response)

        work.answer.add_done_callback(finish)
        return True

    def _go_on(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fail(
        self, request: Request, event: dict[str, Any], work: Work, done: Callable[[Response], None]
    ) -> None:
        try:
            await self._pool.answer(work, event)
        except (NoWorker, WorkerTimedOut, WorkerFailed) as error:
            done(self._answers.failed(request, error, work))

    async def _send_file(
        self, response: Response, file: str, delete: bool, done: Callable[[Response], None]
    ) -> None:
        await self._answers.send_file(response, file, delete)
        done(response)

    async def answer(self, request: Request) -> Response:
        """The function's answer to a request, or what the processor says by itself."""
        if request.target.startswith(HEALTH):
            return said(200)
        if request.cut or len(request.body) > self._max_body:
            return said(400, UNREADABLE)
        if self._cors is not None:
            return await self._answer_by_cors(request)
        return await self._answer(request)

    async def _answer_by_cors(self, request: Request) -> Response:
        assert self._cors is not None
        preflight = self._cors.answer_preflight(request)
        if preflight is not None:
            self._pool.statistics.add(0.0, failed=preflight.status >= 400)
            preflight.headers.insert(0, SERVER)
            return preflight
        if not self._cors.allows(request.headers.get("origin", "")):
            # So it is there: 200, and the function is not asked.
            self._pool.statistics.add(0.0, failed=True)
            return Response(200, [SERVER, ("Vary", "Origin")], b"")
        response = await self._answer(request)
        response.headers += [("Vary", "Origin"), *self._cors.marks(request)]
        return response

    async def _answer(self, request: Request) -> Response:
        work: Work | None = None
        reply: wire.Reply | None
        try:
            event = self._event(request)
            if self._batches is None:
                work = self._pool.ask(event)
                reply = first(await self._pool.answer(work, event))
            else:
                reply = await self._batches.call(event)
        except (NoWorker, WorkerTimedOut, NotACloudEvent, WorkerFailed, ValueError) as error:
            return self._answers.failed(request, error, work)
        if reply is None:
            return said(200)
        response, file, delete = self._answers.composed(request, reply, work)
        if file:
            await self._answers.send_file(response, file, delete)
        return response

    def _event(self, request: Request) -> dict[str, Any]:
        given, query = request.headers, request.query
        headers = {wire.canonical(name): wire.as_sent(value) for name, value in given.items()}
        path = wire.as_sent(request.path)
        if "%" in path or "//" in path or "/." in path:
            path = _normal(path)
        event = wire.event(
            kind=KIND,
            name=self.name,
            body=request.body,
            content_type=headers.get("Content-Type", ""),
            headers=headers,
            fields=_fields(query) if query else None,
            method=request.method,
            path=path,
            now=self._clock.time(),
        )
        return unwrapped(event) if is_cloud_event(event) else event


def _fields(query: str) -> dict[str, str]:
    found = parse_qsl(wire.as_sent(query), keep_blank_values=True, errors="surrogateescape")
    return dict(found)


def _normal(path: str) -> str:
    """A path as fasthttp gives it: decoded, without empty steps and steps back.

    >>> _normal("/a%20b//c/../d/")
    '/a b/d/'
    """
    decoded = unquote(path, errors="surrogateescape")
    short = posixpath.normpath(decoded)
    short = "/" + short.lstrip("/")
    return short + "/" if decoded.endswith("/") and short != "/" else short
