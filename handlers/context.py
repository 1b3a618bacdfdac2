"""`Context`: what a function may ask of where it runs.  Adapters make it; tests make their own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .delivery import Delivery
    from .metrics import Metrics
    from .protocols import Connection, Logger


def secret_from_environment(name: str) -> str:
    """The secret as an environment variable, as both platforms can inject it.

    Raises KeyError with a sentence when it is not set.
    """
    try:
        value = os.environ[name]
    except KeyError:
        raise KeyError(
            f"secret {name!r} is not set: give it as environment variable {name} of the function"
        ) from None
    if value.startswith("pelton+"):  # `secret.SCHEME`, which few artifacts load
        raise KeyError(f"secret {name!r} is a reference to AWS, which is followed on Lambda alone")
    return value


class Secrets:
    """`context.secrets["NAME"]`."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[str], str]) -> None:
        self._ask = ask

    def __getitem__(self, name: str) -> str:
        return self._ask(name)


class Context:
    """What a function may ask of where it runs.

    logger:      structured logging, every line with the request id
    state:       the function's own, kept as long as the worker lives
    request_id:  the platform's id of this event
    event:       what came, as an `Event` (a list of them for a batch); None before one has
    deadline:    seconds since the epoch when the platform gives up; None without a limit
    delivery:    how the event came here (`Delivery`: idempotency key, correlation id, attempt),
                 where the function is a part of a graph that needs it; else None
    raw:         the platform's own context, untouched
    trace:       the platform's word for the trace of this event, where no header has it (X-Ray's)
    cancelled, failed: see below

    >>> context = Context(function_name="score", request_id="7")
    >>> context.function_name, context.remaining_time() is None
    ('score', True)
    """

    __slots__ = (
        "_cancelled",
        "_clock",
        "_connect",
        "_failed",
        "_invoke",
        "_logger",
        "_make_logger",
        "_make_metrics",
        "_metrics",
        "_parent",
        "_secret",
        "deadline",
        "delivery",
        "event",
        "function_name",
        "function_version",
        "raw",
        "request_id",
        "state",
        "trace",
    )

    def __init__(
        self,
        *,
        function_name: str = "",
        function_version: str = "$LATEST",
        request_id: str = "",
        deadline: float | None = None,
        logger: Logger | None = None,
        make_logger: Callable[[Context], Logger] | None = None,
        state: SimpleNamespace | None = None,
        secret: Callable[[str], str] = secret_from_environment,
        invoke: Callable[[str, Any, bool], Any] | None = None,
        raw: Any = None,
        clock: Callable[[], float] = time.time,
        delivery: Delivery | None = None,
        metrics: Metrics | None = None,
        make_metrics: Callable[[], Metrics] | None = None,
        connect: Callable[[Any, str], Any] | None = None,
    ) -> None:
        self.function_name, self.function_version = function_name, function_version
        self.request_id, self.deadline, self.raw = request_id, deadline, raw
        self._logger, self._make_logger = logger, make_logger
        self.state: Any = SimpleNamespace() if state is None else state
        self._secret, self._invoke, self._clock = secret, invoke, clock
        self._connect = connect
        self._metrics, self._make_metrics = metrics, make_metrics
        self.event: Any = None
        self.trace = ""
        self.delivery = delivery
        self._parent: Context | None = None
        self._failed: list[Any] | None = None
        self._cancelled = False

    @property
    def logger(self) -> Any:
        """Structured logging (`Logger`); made when it is first asked for."""
        if self._logger is None and self._make_logger is not None:
            self._logger = self._make_logger(self)
        return self._logger

    @property
    def metrics(self) -> Metrics:
        """Counters, gauges and histograms by name and labels, of this worker.

        >>> context = Context()
        >>> context.metrics.counter("orders", region="eu").add()
        >>> context.metrics.counter("orders", region="eu").value
        1
        """
        if self._metrics is None:
            if self._make_metrics is None:
                from .metrics import Metrics

                self._make_metrics = Metrics
            self._metrics = self._make_metrics()
        return self._metrics

    @property
    def headers(self) -> Mapping[str, str]:
        """The event's headers (of an HTTP request; a message's attributes), lower-cased names."""
        found: Mapping[str, str] = getattr(self.event, "headers", {})
        return found

    def remaining_time(self) -> float | None:
        """Seconds until the platform gives up on this event; None without a limit."""
        return None if self.deadline is None else max(0.0, self.deadline - self._clock())

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more: who asked gave up, or the time is over.

        What works for long in a plain function asks now and then, and ends.

        >>> Context(clock=lambda: 100.0, deadline=99.0).cancelled
        True
        """
        if self._cancelled or self.remaining_time() == 0:
            return True
        return self._parent is not None and self._parent.cancelled

    def cancel(self) -> None:
        """Say that nobody waits any more: for whoever made this context."""
        self._cancelled = True

    @property
    def has_failed(self) -> bool:
        """Whether there is any; costs nothing where there is not."""
        return bool(self._failed) or (self._parent is not None and self._parent.has_failed)

    @property
    def failed(self) -> list[Any]:
        """What the optional steps of this event did not do (`Failure`), in the order of failing."""
        if self._parent is not None:
            return self._parent.failed
        if self._failed is None:
            self._failed = []
        return self._failed

    def part(self) -> Context:
        """This context for a part of the work: it is cancelled with this one, and may be cancelled
        alone.  State, logger and everything else are shared.

        >>> context = Context()
        >>> part = context.part()
        >>> part.cancel()
        >>> part.cancelled, context.cancelled
        (True, False)
        """
        if self._metrics is None and self._make_metrics is None:
            _ = self.metrics  # made now, so that both count into the same
        other: Context = object.__new__(type(self))
        for name in Context.__slots__:
            setattr(other, name, getattr(self, name))
        other._parent, other._cancelled = self, False
        return other

    def aside(self) -> Context:
        """This context for work that goes on when the answer has been given: without the deadline,
        and not cancelled with it.

        >>> Context(deadline=1.0).aside().deadline is None
        True
        """
        other = self.part()
        other._parent, other.deadline = None, None
        return other

    def within(self, seconds: float) -> Context:
        """This context with a deadline `seconds` from now, or its own where that is nearer.

        >>> Context(clock=lambda: 100.0).within(5).deadline
        105.0
        """
        other = self.part()
        ends = self._clock() + seconds
        other.deadline = ends if self.deadline is None else min(ends, self.deadline)
        return other

    def delivered(self, delivery: Delivery) -> Context:
        """This context for one event of several, which came as `delivery` says.

        >>> from pelton.handlers.delivery import Delivery
        >>> Context().delivered(Delivery("7")).delivery.idempotency_key
        '7'
        """
        other = self.part()
        other.delivery = delivery
        if self._make_logger is not None:
            other._logger = None  # made anew, so that its lines say which event they are of
        return other

    def secret(self, name: str) -> str:
        """The secret called `name`; raises KeyError, with what to do, when there is none."""
        return self._secret(name)

    @property
    def secrets(self) -> Secrets:
        """The same by name, as a mapping has it.

        >>> Context(secret={"DB": "x"}.__getitem__).secrets["DB"]
        'x'
        """
        return Secrets(self._secret)

    def connection(self, id: str = "") -> Connection:
        """The WebSocket connection that this event came over, or another one of its API by its
        `id` (an event's `key`), to write to: see `pelton.websocket_api`.

        Raises RuntimeError where the event came over none.
        """
        if self._connect is None:
            raise RuntimeError("nothing here reaches the connections of a WebSocket API")
        found: Connection = self._connect(self.event, id)
        return found

    def invoke(self, function: str, payload: Any = None, *, wait: bool = True) -> Any:
        """Call another function by name and give its answer back (None with `wait=False`)."""
        if self._invoke is None:
            raise RuntimeError(f"cannot invoke {function!r}: nothing here reaches other functions")
        return self._invoke(function, payload, wait)
