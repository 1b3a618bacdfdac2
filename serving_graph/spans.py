"""`Spans`: one OpenTelemetry span a run of a graph, one a step inside it.

The step's span is the current one while the step runs, so what a step's own libraries tell hangs
below it.  Nothing of OpenTelemetry is imported before somebody asks for spans.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from ..handlers.errors import WrongUse
from ..handlers.trace_context import brought_by, correlation_of, traceparent_of
from .compile import Run
from .kit.base import Bound, Drop

NAME = "pelton"


class Spans:
    """Makes spans by `tracer`; by the program's own provider when left out.

    Raises `WrongUse` when `opentelemetry-api` is not installed.
    """

    def __init__(self, tracer: Any = None) -> None:
        try:
            from opentelemetry import trace
        except ModuleNotFoundError as error:
            raise WrongUse(
                "spans were asked for and OpenTelemetry is not installed",
                advice="add opentelemetry-api, and an exporter, to the requirements",
            ) from error
        self._api = trace
        self._tracer = tracer or trace.get_tracer(NAME)

    def graph(self, name: str, run: Run, *, is_async: bool) -> Run:
        """`run` in a span of its own, below the one that is active or that the event brought."""

        def start(context: Any) -> Any:
            told = {"pelton.graph": name, "pelton.correlation_id": correlation_of(context)}
            return self._span(name, told, self._parent(context))

        def plain(value: Any, context: Any = None) -> Any:
            with start(context) as span:
                _carry(context)
                return _told(span, lambda: run(value, context))

        async def waiting(value: Any, context: Any = None) -> Any:
            with start(context) as span:
                _carry(context)
                return await _told_later(span, run(value, context))

        return waiting if is_async else plain

    def step(self, bound: Bound) -> Bound:
        """A bound step whose every call is a span."""
        call, told = bound.call, {"pelton.step": bound.path}

        def plain(value: Any, **context: Any) -> Any:
            with self._span(bound.name, told) as span:
                return _told(span, lambda: call(value, **context))

        async def waiting(value: Any, **context: Any) -> Any:
            with self._span(bound.name, told) as span:
                return await _told_later(span, call(value, **context))

        other = copy(bound)
        other.call = waiting if bound.is_async else plain
        return other

    def _span(self, name: str, told: dict[str, str], parent: Any = None) -> Any:
        return self._tracer.start_as_current_span(
            name,
            context=parent,
            attributes=told,
            record_exception=False,
            set_status_on_exception=False,
        )

    def _parent(self, context: Any) -> Any:
        """None (what is active) unless nothing is, and the event brought a parent."""
        api = self._api
        if api.get_current_span().get_span_context().is_valid or not (text := brought_by(context)):
            return None
        _, trace, span, flags = text.split("-")
        given = api.SpanContext(int(trace, 16), int(span, 16), True, api.TraceFlags(int(flags, 16)))
        return api.set_span_in_context(api.NonRecordingSpan(given))


def _carry(context: Any) -> None:
    """Let the messages that this run leads to belong to its span: they carry the delivery's."""
    if context is not None and context.delivery is not None:
        told = vars(context.delivery) | {"traceparent": traceparent_of(context)}
        context.delivery = type(context.delivery)(**told)


def _told(span: Any, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except BaseException as error:
        _tell(span, error)
        raise


async def _told_later(span: Any, waits: Any) -> Any:
    try:
        return await waits
    except BaseException as error:
        _tell(span, error)
        raise


def _tell(span: Any, error: BaseException) -> None:
    """An error is one; an event that goes no further, or was cancelled, is said and is none."""
    if isinstance(error, Drop):
        span.set_attribute("pelton.dropped", True)
    elif not isinstance(error, Exception):
        span.set_attribute("pelton.cancelled", True)
    else:
        from opentelemetry.trace import Status, StatusCode

        span.record_exception(error)
        span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
