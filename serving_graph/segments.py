"""A graph that is cut at its queues: `Segment`s, each a function of its own.

A segment is served like a graph.  Until it is connected to a broker it is the rest of its graph,
run straight through: in tests, in `pelton run`, on your desk.  Connected, it ends with sending.
Knows no platform and no broker: it is given messages and says which of them are done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from ..handlers.context import Context
from ..handlers.delivery import Delivery
from ..handlers.event import Event
from ..handlers.trace_context import brought_by
from .digest import digest
from .drive import drive
from .kit.base import Step
from .message import Message
from .parcel import Parcel
from .refer import meant, wrong
from .run import Executor
from .steps.queue import Address, Queue

if TYPE_CHECKING:
    from ..handlers.telemetry import Telemetry
    from ..handlers.triggers.kinesis import StreamHandoff
    from ..handlers.triggers.sqs import Handoff
    from .brokers.base import Broker
    from .graph import Graph
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
    ) -> None:
        self.graph, self.name, self.steps = graph, name, steps
        self.graphs = (graph,)  # for whoever makes the artifact
        self.source, self.target = source, target
        self.broker: Broker | None = None
        self.takes: Parcel | None = _takes(graph, source, steps)
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
            return self._rest(given, _with_delivery(context))
        answer = self._called(value, context or Context())
        return answer if self.is_async else drive(answer)

    async def _called(self, value: Any, context: Context) -> Any:
        if self.source:
            message = _message_of(value)
            context = context.delivered(message.delivery(1, ""))
            value = self.takes.unpack(message.value) if self.takes else message.value
        else:
            context = _with_delivery(context)
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
        plain = _message_of(value).value
        return self.takes.unpack(plain) if self.takes else plain

    def connect(self, broker: Broker | None = None, *, timeout: float = 0) -> None:
        """From now on, send: by the broker given, else by the one of the queue's kind, which is
        opened here, where a platform lets a worker begin."""
        if broker is None:
            from .brokers import broker_at

            queue = self.target or self.source
            broker = broker_at(f"{queue.kind}:") if queue else None
            if broker is not None:
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

    def window(self, timeout: float) -> float:
        """Seconds within which an event must be done; see `queue`.  timeout: the function's."""
        if self.source and self.source.window:
            return float(self.source.window)
        limits = [_limit(each) for each in self.steps if not each.splits]
        if limits and all(limits):
            return max(timeout, sum(map(float, filter(None, limits))))
        return TIMEOUTS * timeout if timeout else DEFAULT_WINDOW

    def trigger(self, timeout: float) -> Handoff | StreamHandoff | None:
        """The trigger of the segment's function, whose timeout that is; None for the entry."""
        return _handoff(self, self.source, self.window(timeout)) if self.source else None

    def sends(self, timeout: float) -> tuple[Handoff | StreamHandoff, ...]:
        """The queues that the segment's function sends to."""
        if self.target is None:
            return ()
        window = self.following.window(timeout) if self.following else DEFAULT_WINDOW
        return (_handoff(self.following, self.target, window),)

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


def split(graph: Graph[Any, Any], name: str = "") -> tuple[Segment, ...]:
    """The segments of a graph whose entry function is called `name`: one for each queue that
    something follows, and the entry.

    Raises `GraphError` for a value that no message can carry, for a step that takes a value from
    before a queue that it comes after, and for a generator behind a queue.
    """
    name = name or graph.name
    _check_heard(graph)
    cuts = [place for place, each in enumerate(graph.steps) if each.splits]
    _of_one_kind(graph)
    made: list[Segment] = []
    begin, source = 0, None
    for cut in [*cuts, len(graph.steps)]:
        target = graph.steps[cut] if cut < len(graph.steps) else None
        assert target is None or isinstance(target, Queue)
        own = graph.steps[begin : cut + 1]
        if not own:
            break  # the graph ends with a queue
        steps = after_queue(graph.name, own, source)
        rest = after_queue(graph.name, graph.steps[begin:], source, near=False)
        label = f"{name}-{source.name}" if source else name
        made.append(Segment(graph, label, steps, rest, source, target))
        begin, source = cut + 1, target
    for each, following in zip(made, [*made[1:], None], strict=True):
        _join(graph, each, following)
    return tuple(made)


def _check_heard(graph: Graph[Any, Any]) -> None:
    """Raise for a stream that nobody would read: a generator does nothing until somebody does."""
    source = next((each for each in reversed(graph.steps) if each.splits), None)
    last = graph.steps[-1]
    if source is not None and last.streams:
        raise wrong(
            f"graph {graph.name!r}: the generator {last.name!r} comes after the queue "
            f"{source.name!r}, where nobody reads its items",
            "gather them in a step that gives a list, or do its work without yield",
            at=last.place,
        )


def _of_one_kind(graph: Graph[Any, Any]) -> None:
    """A part of a graph has one broker, by which it sends and buries."""
    queues = [each for each in graph.steps if isinstance(each, Queue)]
    for each in queues[1:]:
        if each.kind != queues[0].kind:
            raise wrong(
                f"graph {graph.name!r}: the queue {queues[0].name!r} is of kind "
                f"{queues[0].kind!r}, and {each.name!r} of kind {each.kind!r}",
                "give all queues of a graph one kind",
                at=each.place,
            )


def _join(graph: Graph[Any, Any], each: Segment, following: Segment | None) -> None:
    each.following = following
    if each.target is None:
        return
    if following is not None:
        each.gives = following.takes
    else:
        path = f"{graph.name}/{each.target.word}"
        each.gives = Parcel(path, [each.target.output_type], each.target.place)


def _limit(step: Step[Any, Any]) -> float | None:
    """Seconds that a step may take, where it says so."""
    return step.spec.option("seconds") if step.spec.kind == "timeout" else None


def address(queue: Queue, window: float) -> Address:
    """A queue of a graph as brokers are told of it."""
    return Address(queue.name, bool(queue.by), queue.attempts, queue.dead_letter, window)


def _takes(
    graph: Graph[Any, Any], source: Queue | None, steps: tuple[Step[Any, Any], ...]
) -> Parcel | None:
    """How the values come that the queue before these steps carries: by the type of the one that
    takes them, where there is one, else by what the queue is given."""
    if source is None:
        return None
    takers = [each for place, each in enumerate(steps) if (each.after or ("input",))[0] == "input"
              and (place == 0 or each.after)]  # fmt: skip
    wanted = [each.input_type for each in takers if each.input_type is not Any]
    types = [*(wanted if len(takers) == 1 else []), source.output_type]
    return Parcel(f"{graph.name}/{takers[0].word}", types, takers[0].place)


def after_queue(
    graph: str,
    steps: tuple[Step[Any, Any], ...],
    source: Queue | None,
    *,
    near: bool = True,
) -> tuple[Step[Any, Any], ...]:
    """The steps where the queue before them is their input; raises for one that looks behind it."""
    if source is None:
        return steps
    known = ["input", *(each.name for each in steps)]
    found = []
    for each in steps:
        after = tuple("input" if name == source.name else name for name in each.after)
        for name, given in zip(each.after, after, strict=True):
            if given not in known or name == "input":
                raise wrong(
                    f"graph {graph!r}: step {each.name!r} takes the value of {name!r}, from "
                    f"before the queue {source.name!r}",
                    "what comes after a queue has only what the queue carries; "
                    + meant(name, [source.name, *known[1:]]),
                    at=each.place,
                )
        found.append(each.placed(after))
    return tuple(found)


def _message_of(value: Any) -> Message:
    """What a child function is called with directly: a message, or the value that one carries."""
    if not isinstance(value, Event):
        return Message.of(value, "")
    body = value.body
    if isinstance(body, (bytes, str)) and value.trigger != "direct":
        return Message.from_text(body, value.id)
    return Message.of(body, value.id)


def _with_delivery(context: Any) -> Any:
    """The context of a graph's first function: its request is the key, unless the caller says one.

    A queue's message has its own id, which is the same when it comes again; so has an HTTP request
    with the header `idempotency-key`.
    """
    if context is None or context.delivery is not None:
        return context
    event = context.event
    if isinstance(event, list) and event and all(isinstance(each, Event) for each in event):
        return _with_batch(context, event)
    event = event if isinstance(event, Event) else None
    headers = event.headers if event else {}
    first = (event.id if event else "") or context.request_id or _new_id()
    key = headers.get("idempotency-key") or first
    attributes = event.raw.get("attributes") if event and isinstance(event.raw, dict) else None
    attempt = int((attributes or {}).get("ApproximateReceiveCount", 1))
    trace = brought_by(context)
    return context.delivered(Delivery(key, first, attempt, trace))


def _with_batch(context: Any, events: list[Event]) -> Any:
    """A batch is one event: what it is known by are the ids of its messages, whatever their order.

    A message that comes again in another company is another event, then.
    """
    ids = sorted(each.id for each in events)
    key = ids[0] if len(ids) == 1 else digest(ids)
    attempts = [(each.raw or {}).get("attributes") or {} for each in events]
    attempt = max(int(each.get("ApproximateReceiveCount", 1)) for each in attempts)
    return context.delivered(Delivery(key, context.request_id or key, attempt))


def _new_id() -> str:
    from uuid import uuid4

    return str(uuid4())


def _handoff(behind: Segment | None, queue: Queue, window: float) -> Handoff | StreamHandoff:
    from .brokers.base import dead
    from .brokers.sqs import queue_name, receives

    place, function = address(queue, window), behind.name if behind else ""
    if queue.kind == "kinesis":
        from ..handlers.triggers.kinesis import StreamHandoff

        return StreamHandoff(
            stream=queue.name,
            start="TRIM_HORIZON",  # what was sent before the function was there is its own, too
            dead_letter=dead(place).name if behind else "",
            retries=receives(place),
            function=function,
        )
    from ..handlers.triggers.sqs import Handoff

    return Handoff(
        queue=queue_name(place),
        batch=1 if place.ordered else 10,
        dead_letter=queue_name(dead(place)),
        visibility=max(1, round(window)),
        receives=receives(place),
        ordered=place.ordered,
        function=function,
    )
