"""A batch of events in one call, as a trigger of Nuclio gives them whose `batch` is enabled.

Each is answered for itself, by a response that names its event.  A graph with batched steps takes
them all at once; everything else takes one after the other.  Loaded with the first batch.  Source:
Nuclio's documentation, "Event batching".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from ..handlers.context import Context
from ..handlers.event import Event
from ..handlers.failed import Failed
from ..handlers.function import Function
from .call import many_of, maybe_await
from .nuclio import BRIDGED, read_event
from .nuclio_context import make_context
from .nuclio_replies import failure, response
from .nuclio_shapes import text
from .refusals import as_result, logged_refusal, with_failed
from .routes import Routes
from .worker import Worker


class Batches:
    """Answers batches of one function.

    handle: answers one event, and raises what its function raises
    """

    def __init__(
        self, function: Function[..., Any], worker: Worker, handle: Callable[[Any, Any], Any]
    ) -> None:
        self._function, self._worker, self._handle = function, worker, handle
        self._many = many_of(function)
        route = function.settings.telemetry.route
        self._routes = Routes(function.triggers, route, worker.page if route else None)

    def answer(self, raw: Any, events: Sequence[Any]) -> list[Any]:
        """A response for each event, in order."""
        if self._many is None:
            answers = [self._alone(raw, each) for each in events]
        else:
            answers = self._together(raw, events)
        for event, each in zip(events, answers, strict=True):
            each.event_id = text(event.id)
        return answers

    def _alone(self, raw: Any, event: Any) -> Any:
        try:
            return self._handle(raw, event)
        except Exception as error:
            return failure(raw, error, self._function)

    def _together(self, raw: Any, events: Sequence[Any]) -> list[Any]:
        context = self._context(raw)
        found, values = dict[int, Any](), dict[int, Any]()
        context.event = []
        for place, each in enumerate(events):
            event = read_event(each)
            if BRIDGED in event.headers:
                found[place] = self._alone(
                    raw, each
                )  # a batch in itself, answered by its own rules
                continue
            try:
                refused = self._routes.refuse(event) if event.trigger == "http" else None
                if refused is None:
                    values[place] = self._value(event, context)
                else:
                    found[place] = response(raw, refused)
            except Exception as error:
                found[place] = self._failed(raw, error, context)
        answers = self._answers([*values.values()], context)
        for place, answer, event in zip(values, answers, context.event, strict=True):
            found[place] = self._encoded(raw, answer, event, context)
        return [found[place] for place in range(len(events))]

    def _value(self, event: Event, context: Context) -> Any:
        codec: Any = self._function.codec
        value = codec.decode(event, context)[0]
        context.event.append(event)
        return value

    def _answers(self, values: list[Any], context: Context) -> Sequence[Any]:
        """Each value's answer, or `Failed`."""
        try:
            self._worker.begin(context)
            return maybe_await(self._many(values, context)) if values else []
        except Exception as error:  # of the worker: every event of the batch has it
            return [Failed(error)] * len(values)

    def _encoded(self, raw: Any, answer: Any, event: Event, context: Context) -> Any:
        try:
            if isinstance(answer, Failed):
                raise answer.error
            codec: Any = self._function.codec
            encoded = codec.encode(answer)
            if codec.answer is not None:
                encoded = codec.answer(event, encoded)
        except Exception as error:
            return self._failed(raw, error, context)
        if context.has_failed:
            encoded = with_failed(as_result(encoded), context)
        return response(raw, encoded)

    def _failed(self, raw: Any, error: Exception, context: Context) -> Any:
        """The answer of an event that failed; for a handler of that error (`except`)."""
        refused = logged_refusal(error, context)
        if refused is None:
            return failure(raw, error, self._function)
        return response(raw, refused)

    def _context(self, raw: Any) -> Context:
        """One for all events, whose time runs from now; it has no event's request id."""
        context = make_context(self._function, self._worker, raw)
        context.deadline = time.time() + self._function.settings.timeout
        return context
