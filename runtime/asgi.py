"""The ASGI adapter: an app's functions in one process with an event loop, for any ASGI server.

It knows HTTP and no platform.  Functions that wait share the loop, others run on threads, and what
gives a stream is answered as one.  Errors are the tree's: each class says its status.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..handlers.codec.streams import is_iterator
from ..handlers.context import Context
from ..handlers.errors import WrongUse
from ..handlers.event import Event, Result
from ..handlers.function import Function
from ..handlers.metrics import Metrics
from ..handlers.triggers import Http
from .asgi_context import context_of
from .asgi_gone import Receive, either, watch
from .asgi_stream import Items, Send, stream
from .asgi_wire import Scope, event_of, read_body, send_result, wire
from .loop_workers import Workers
from .refusals import BUG, as_result, logged_refusal, where, with_failed
from .routes import in_order, not_allowed, not_found
from .telling.prometheus import page
from .traces import shown
from .worker import Worker

if TYPE_CHECKING:
    from .asgi_hosted import HostedApplication

Page = Callable[[], Result]


class Route(NamedTuple):
    """A trigger and the function that it is of."""

    trigger: Http
    served: Served | HostedApplication


class Served:
    """A function on a loop: its worker, and its call as something to wait for."""

    def __init__(
        self, function: Function[..., Any], workers: Workers, metrics: Metrics | None = None
    ) -> None:
        if function.codec is None:
            raise WrongUse(
                f"function {function.name} has style={function.style!r}, a platform's own event",
                file=function.file,
                line=function.line,
                advice="pelton run and the emulator serve it",
            )
        self.function, self.codec, self.workers = function, function.codec, workers
        self.worker = Worker(function, metrics)

    async def answer(self, event: Event, context: Context) -> Any:
        """The function's answer as a `Result` of bytes, or the iterator that it gave.

        Of a function that does not wait, bodies are read and written on its thread, too: a large
        one must not hold up the loop.
        """
        if not self.codec.is_async:
            return await self.workers.call(self._plain, event, context)
        arguments = self.codec.decode(event, context)
        return self._encoded(await self.function.user_function(*arguments), context)

    def _plain(self, event: Event, context: Context) -> Any:
        arguments = self.codec.decode(event, context)
        return self._encoded(self.function.user_function(*arguments), context)

    def _encoded(self, answer: Any, context: Context) -> Any:
        if self.codec.streams and is_iterator(answer):
            return answer
        encoded = self.codec.encode(answer)
        if self.codec.answer is not None:
            encoded = self.codec.answer(context.event, encoded)
        result = with_failed(as_result(encoded), context)
        result.body, result.content_type = wire(result)
        return result

    def context(self, request_id: str, deadline: float | None = None) -> Context:
        return context_of(self.worker, self.function.name, request_id, deadline)


class Application:
    """An ASGI application of functions, at the routes of their HTTP triggers.

    pages:    answers of the server's own by path, such as a document of its routes; /metrics is
              one of them, and so is each path that a function's `Telemetry` names
    metrics:  what all the functions count into
    most_body: bytes of a request's body, at the most
    """

    def __init__(
        self,
        functions: Iterable[Function[..., Any]],
        *,
        workers: Workers | None = None,
        pages: Mapping[str, Page] | None = None,
        most_body: int = 64 << 20,
    ) -> None:
        self.workers, self.most_body = workers or Workers(), most_body
        self.metrics = Metrics()
        self.served = [self._serve(each) for each in functions]
        told = {each.function.settings.telemetry.route for each in self.served} - {""}
        tell = partial(page, self.metrics)
        self.pages: dict[str, Page] = dict.fromkeys({"/metrics", *told}, tell) | dict(pages or {})
        found = [
            Route(trigger, each) for each in self.served for trigger in _triggers(each.function)
        ]
        order = in_order(each.trigger for each in found)
        self.routes = sorted(found, key=lambda each: order.index(each.trigger))

    def _serve(self, function: Function[..., Any]) -> Served | HostedApplication:
        if function.style != "asgi":
            return Served(function, self.workers, self.metrics)
        from .asgi_hosted import HostedApplication

        return HostedApplication(function, self.metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._life(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            raise RuntimeError(f"no answer to a scope of type {scope['type']}")

    async def begin(self) -> None:
        """Run the functions' init hooks (a graph's loading), and the startups of applications.
        Raises what they raise."""
        for each in self.served:
            try:
                await self.workers.call(each.worker.begin, each.context("init"))
                if not isinstance(each, Served):
                    await each.start()
            except Exception as error:
                raise error.with_traceback(shown(error, each.function))  # noqa: B904 - the same

    async def end(self, seconds: float = 10) -> bool:
        """Run the shutdowns of applications, the drain and stop hooks, and wait for the threads:
        whether all came to their end.

        Raises the first of what they raised, after all were run.
        """
        try:
            async with asyncio.timeout(seconds):
                failures = await self._shut_down()
                # On a thread of its own, as all of those for calls may be held up.
                failures += await asyncio.to_thread(self._end)
        except TimeoutError:
            return False
        if failures:
            raise failures[0]
        return await asyncio.to_thread(self.workers.close, seconds)

    async def _shut_down(self) -> list[Exception]:
        failures: list[Exception] = []
        for each in self.served:
            if not isinstance(each, Served):
                try:
                    await each.stop()
                except WrongUse as error:
                    failures.append(error)
        return failures

    def _end(self) -> list[Exception]:
        failures: list[Exception] = []
        for each in self.served:
            for word, hook in (("drain", each.worker.drain), ("stop", each.worker.end)):
                try:
                    hook(each.context(word))
                except Exception as error:
                    failures.append(error.with_traceback(shown(error, each.function)))
        return failures

    async def _life(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.begin()
        except Exception as error:
            traceback.print_exception(error)
            said = f"{type(error).__name__}: {error}"
            await send({"type": "lifespan.startup.failed", "message": said})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.end()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        event = event_of(scope)
        found = self.find(event)
        if isinstance(found, Result):
            await send_result(send, found, event.method)
            return
        context = found.context(event.id)
        context.event = event
        try:
            async with self.workers.place():
                if not isinstance(found, Served):
                    return await found.converse(scope, receive, send, self.most_body)
                event.body = await read_body(event, receive, self.most_body)
                await self._answer(found, event, context, receive, send)
        except Exception as error:
            await send_result(send, error_result(error, found.function, context), event.method)

    async def _answer(
        self, served: Served, event: Event, context: Context, receive: Receive, send: Send
    ) -> None:
        gone = watch(receive)

        def nobody_waits(task: asyncio.Future[Any]) -> None:
            context.cancel()
            if served.codec.is_async:
                task.cancel()

        try:
            answer = await either(served.answer(event, context), gone, on_gone=nobody_waits)
            if gone.done():
                return
            if is_iterator(answer):
                items = Items(answer, served.codec.encode_item, self.workers)
                await stream(items, event.headers.get("accept", ""), send, gone)
            else:
                await send_result(send, answer, event.method)
        finally:
            gone.cancel()

    def find(self, event: Event) -> Served | HostedApplication | Result:
        """Whose a request is, its parameters then set; a page, or the 404 or 405, else."""
        there = []
        for route in self.routes:
            parameters = route.trigger.match(event.path)
            if parameters is None:
                continue
            if route.trigger.serves(event.method):
                event.parameters = parameters
                greeted = route.trigger.greeted(event) if event.method == "OPTIONS" else None
                return greeted or route.served
            there.append(route.trigger)
        if event.path in self.pages and event.method in ("GET", "HEAD"):
            return self.pages[event.path]()
        return not_allowed(event.method, event.path, there) if there else not_found(event.path)


def _triggers(function: Function[..., Any]) -> list[Http]:
    """A function's HTTP triggers; its name's, where it has none."""
    named = [each for each in function.triggers if isinstance(each, Http)]
    return named or [Http("POST", f"/{function.name}")]


def error_result(error: Exception, function: Function[..., Any], context: Context) -> Result:
    """An error as the one table says it; of a bug the type and the message, its trace printed."""
    result = logged_refusal(error, context)
    if result is not None:
        return result
    trace = traceback.format_exception(type(error), error, shown(error, function))
    print("".join(trace), file=sys.stderr, flush=True)
    said = {"error": f"{type(error).__name__}: {error}", "details": []}
    return Result(said | where(error), status=BUG)
