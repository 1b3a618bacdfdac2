"""What lies between two parts of a graph, as triggers say it: data for whoever deploys them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .steps.queue import Address, Queue

if TYPE_CHECKING:
    from ..handlers.triggers.broker_handoff import BrokerHandoff
    from ..handlers.triggers.kinesis import StreamHandoff
    from ..handlers.triggers.sqs import Handoff
    from .segments import Segment

    AnyHandoff = Handoff | StreamHandoff | BrokerHandoff

LONGEST = 3600.0  # seconds that pauses may make of an event's tries, where all are in one call


def address(queue: Queue, window: float) -> Address:
    """A queue of a graph as brokers are told of it."""
    return Address(queue.name, bool(queue.by), queue.attempts, queue.dead_letter, window)


def handoff(behind: Segment | None, queue: Queue, timeout: float) -> AnyHandoff:
    """A queue as the trigger of the function behind it, whose timeout that is.

    behind: the part that takes from it; None for a queue that ends the graph
    """
    from .segments import DEFAULT_WINDOW

    window = behind.window(timeout) if behind else DEFAULT_WINDOW
    place, function = address(queue, window), behind.name if behind else ""
    if queue.broker:
        return _on_broker(place, queue, function, behind.once(timeout) if behind else 1.0)
    return _stream(place, function) if queue.kind == "kinesis" else _queue(place, function)


def _queue(place: Address, function: str) -> Handoff:
    from ..handlers.triggers.sqs import Handoff
    from .brokers.base import dead, receives
    from .brokers.sqs import queue_name

    return Handoff(
        queue=queue_name(place),
        batch=1 if place.ordered else 10,
        dead_letter=queue_name(dead(place)),
        visibility=max(1, round(place.window)),
        receives=receives(place),
        ordered=place.ordered,
        function=function,
    )


def _stream(place: Address, function: str) -> StreamHandoff:
    from ..handlers.triggers.kinesis import StreamHandoff
    from .brokers.base import dead, receives

    return StreamHandoff(
        stream=place.name,
        start="TRIM_HORIZON",  # what was sent before the function was there is its own, too
        dead_letter=dead(place).name if function else "",
        retries=receives(place),
        function=function,
    )


def _on_broker(place: Address, queue: Queue, function: str, once: float) -> BrokerHandoff:
    from ..handlers.triggers.broker_handoff import JetStreamHandoff, KafkaHandoff
    from .brokers.base import dead, receives

    return (JetStreamHandoff if queue.kind == "nats" else KafkaHandoff)(
        queue=place.name,
        broker=queue.broker,
        dead_letter=dead(place).name if function else "",
        seconds=round(queue.window or in_one_call(queue, once), 3),
        tries=queue.attempts,
        receives=receives(place),
        ordered=place.ordered,
        function=function,
    )


def in_one_call(queue: Queue, once: float) -> float:
    """Seconds of all tries of an event and the pauses between them; `once`: of one try."""
    pauses: float = sum(queue.again_after(each) for each in range(1, queue.attempts))
    return float(queue.attempts * once + min(pauses, LONGEST))
