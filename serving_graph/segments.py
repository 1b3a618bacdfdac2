"""`Segment`: what one function does of a graph that is cut at its queues (see `cut`).

A segment is served like a graph.  Until it is connected to a broker it is the rest of its graph,
run straight through: in tests, in `pelton run`, on your desk.  Connected, it ends with sending.
Knows no platform and no broker: it is given messages and says which of them are done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypedDict

from ..handlers.context import Context
from ..handlers.delivery import Delivery
from ..handlers.event import Event
from .arrivals import message_of, with_delivery
from .drive import drive
from .handoffs import address, handoff
from .kit.base import Step
from .message import Message
from .parcel import Parcel
from .run import Executor
from .steps.queue import Address, Queue

if TYPE_CHECKING:
    from ..handlers.telemetry import Telemetry
    from .brokers.base import Broker
    from .graph import Graph
    from .handoffs import AnyHandoff
    from .work import Work

_DROPPED: Any = object()
TIMEOUTS = 6  # a window over a function's timeout, as AWS advises
DEFAULT_WINDOW = 30.0  # seconds, where no function has a timeout


class Receipt(TypedDict):
    """What the entry of a spread graph answers: the event is in the queue, under this id."""

    queue: str
    message_id: str


class Segment:
    """What one function does of a graph.

    name:    the function's
    source:  the queue it takes from; None for the entry
    target:  the queue it sends to; None for the last
    takes:   how the values come that its queue carries
    gives:   how values go into the queue that it sends to
    broker:  what it sends by; None until it is connected
    """

    def __init__(
        self,
        graph: Graph[Any, Any],
        name: str,
        steps: tuple[Step[Any, Any], ...],
        rest: tuple[Step[Any, Any], ...],
        source: Queue | None,
        target: Queue | None,
        takes: Parcel | None,
    ) -> None:
        self.graph, self.name, self.steps = graph, name, steps
        self.graphs = (graph,)  # for whoever makes the artifact
        self.source, self.target = source, target
        self.broker: Broker | None = None
        self.takes = takes
        self.gives: Parcel | None = None
        self.is_async = any(each.is_async for each in rest)
        self.input_type: Any = Event if source else graph.input_type
        answers = not source and (target is None or target.answers)
        self.output_type: Any = graph.output_type if answers else Any
        own = any(each.is_async for each in steps)
        self.executor = Executor(graph.name, steps, is_async=own, dropped=_DROPPED)
        # Loads nothing until it is called.
        self._rest = Executor(graph.name, rest, is_async=self.is_async)
        self._timeout, self._addresses = 0.0, dict[str, Address]()
        self.following: Segment | None = None

    def __repr__(self) -> str:
        return f"<segment {self.name}: {' >> '.join(each.name for each in self.steps)}>"

    def __call__(self, value: Any, context: Any = None) -> Any:
        """The entry: a value in, a receipt out; a child: an `Event` whose body is a message."""
        if self.broker is None and (self.target or self.source):
            given = self._unpacked(value) if self.source else value
            return self._rest(given, with_delivery(context))
        answer = self._called(value, context or Context())
        return answer if self.is_async else drive(answer)

    async def _called(self, value: Any, context: Context) -> Any:
        if self.source:
            message = message_of(value)
            context = context.delivered(message.delivery(1, ""))
            value = self.takes.unpack(message.value) if self.takes else message.value
        else:
            context = with_delivery(context)
        out = await self.run(value, context)
        if out is _DROPPED or self.target is None:
            return None if out is _DROPPED else out
        (told,) = self.send([self.packed(out, context.delivery)])
        if isinstance(told, Exception):
            raise told
        return out if self.target.answers else Receipt(queue=self.target.name, message_id=told)

    async def run(self, value: Any, context: Context) -> Any:
        """The segment's own steps; `_DROPPED` for an event that goes no further."""
        out = self.executor.run(value, context)
        return await out if self.executor.is_async else out

    def packed(self, value: Any, delivery: Delivery | None) -> Message:
        """A value as a message to the next segment."""
        assert self.target is not None
        assert self.gives is not None
        assert delivery is not None
        return Message(
            self.gives.pack(value),
            self.graph.name,
            self.gives.path,
            delivery.idempotency_key,
            delivery.correlation_id,
            delivery.traceparent,
            self.target.group(value),
        )

    def send(self, messages: Sequence[Message]) -> Sequence[str | Exception]:
        """The broker's ids; raises `NoSuchQueue`, and says each that was not taken."""
        assert self.broker is not None
        return self.broker.send(self.address_of(self.target), messages)

    def _unpacked(self, value: Any) -> Any:
        plain = message_of(value).value
        return self.takes.unpack(plain) if self.takes else plain

    def connect(self, broker: Broker | None = None, *, timeout: float = 0) -> None:
        """From now on, send: by the broker given, else by the one of the queue's kind, which is
        opened here, where a platform lets a worker begin."""
        if broker is None:
            from .brokers import broker_at
            from .brokers.base import Away

            queue = self.target or self.source
            broker = broker_at(queue.broker or f"{queue.kind}:") if queue else None
            if broker is not None:
                # One that is away now is named by the first event that is to be sent.
                with suppress(Away):
                    broker.open()
        self.broker, self._timeout = broker, timeout or self._timeout

    def address_of(self, queue: Queue | None) -> Address:
        """A queue as brokers are told of it: its window is that of the segment behind it."""
        assert queue is not None
        behind = self if queue is self.source else self.following
        known = self._addresses.get(queue.name)
        if known is None:
            window = behind.window(self._timeout) if behind else DEFAULT_WINDOW
            known = self._addresses[queue.name] = address(queue, window)
        return known

    def once(self, timeout: float) -> float:
        """Seconds of one try of an event: of the steps, where each says how many, and at least
        those of the function; 0 where nobody says."""
        limits = [_limit(each) for each in self.steps if not each.splits]
        known = sum(map(float, filter(None, limits))) if all(limits) else 0.0
        return max(timeout, known)

    def window(self, timeout: float) -> float:
        """Seconds within which an event must be done; see `queue`.  timeout: the function's."""
        if self.source and self.source.window:
            return float(self.source.window)
        limits = [_limit(each) for each in self.steps if not each.splits]
        if limits and all(limits):
            return self.once(timeout)
        return TIMEOUTS * timeout if timeout else DEFAULT_WINDOW

    def trigger(self, timeout: float) -> AnyHandoff | None:
        """The trigger of the segment's function, whose timeout that is; None for the entry."""
        return handoff(self, self.source, timeout) if self.source else None

    def sends(self, timeout: float) -> tuple[AnyHandoff, ...]:
        """The queues that the segment's function sends to."""
        return (handoff(self.following, self.target, timeout),) if self.target else ()

    @property
    def requirements(self) -> tuple[str, ...]:
        """What the segment's function requires because of its graph's queues."""
        return self.graph.requirements

    def work(self, context: Context) -> Work:
        """Does the work of messages, in this worker."""
        from .work import Work

        return Work(self, context)

    def answer_batch(
        self, records: Sequence[tuple[str, str, int, Any]], context: Context
    ) -> list[tuple[Any, float]]:
        """For adapters: (text, id, attempt, handle) of each record; the handles of those that
        failed, each with the seconds after which to give it again."""
        return self.work(context).records(records)

    def answer_alone(
        self, text: str, name: str, fresh: Callable[[], Context], *, seconds: float
    ) -> int:
        """For adapters of platforms that hand out nothing again: see `in_place.until_done`.

        Not connected, as in tests, it is one run of the rest of the graph, and raises its error.
        """
        from .in_place import straight_through, until_done

        if self.broker is None:
            return straight_through(self, text, fresh())

        once = self.once(self._timeout)
        return until_done(self, text, name, fresh, seconds=seconds, once=once)

    def check(self) -> None:
        self.graph.check()

    def load(self, context: Any = None, *, telemetry: Telemetry | None = None) -> None:
        """Load this segment's own steps, once it is connected; before, what is first called."""
        if self.broker is not None or not (self.target or self.source):
            self.executor.load(context, telemetry=telemetry)
        else:
            self._rest.load(context, telemetry=telemetry)

    def settle(self, within: float | None = None) -> bool:
        return all([each.settle(within) for each in (self.executor, self._rest)])

    def drain(self, context: Any = None) -> None:
        self.executor.drain(context)
        self._rest.drain(context)

    def stop(self, context: Any = None) -> None:
        self.executor.stop(context)
        self._rest.stop(context)


def _limit(step: Step[Any, Any]) -> float | None:
    """Seconds that a step may take, where it says so."""
    return step.spec.option("seconds") if step.spec.kind == "timeout" else None
