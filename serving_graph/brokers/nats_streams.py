"""What a graph's queue is on JetStream, and how it is looked at, made and taken away.

A stream that keeps each message until it is acknowledged, with one consumer whom all share who take
from it; and a stream of dead letters, which also hears of what the server itself has given up
because it killed its worker every time.  `js` is nats-py's JetStream context; knows no graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...handlers.frozen import Frozen
from ...handlers.triggers.broker_handoff import CONSUMER

SAME = 120.0  # seconds in which a message that is sent again is known for the same
MANY = 1000  # messages in hand of a queue without an order, where nobody says how many
FOR_EVER = -1


class Stream(Frozen):
    """A queue on JetStream.

    subjects: what it takes: its own name, and what the server says of queues whose letters it has
    window:   seconds until a message that was handed out comes again; 0: it has no consumer
    at_once:  messages in hand at one time
    receives: how often one is handed out; `FOR_EVER`
    tags:     of the stream, as its metadata
    messages: how many are in it; only of one that was looked at
    """

    name: str
    subjects: tuple[str, ...] = ()
    window: float = 0.0
    at_once: int = MANY
    receives: int = FOR_EVER
    tags: Mapping[str, str] = {}
    messages: int = 0


def given_up(queue: str) -> str:
    """The subject under which the server says that it hands a message of a queue out no more.

    Source: NATS's documentation, "JetStream advisories"; the message stays in the stream, under the
    number that is said.

    >>> given_up("orders")
    '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.orders.work'
    """
    return f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{queue}.{CONSUMER}"


async def look(js: Any, name: str) -> Stream | None:
    """A queue as it is; None when it is not there."""
    from nats.js.errors import NotFoundError

    try:
        told = await js.stream_info(name)
    except NotFoundError:
        return None
    tags = dict(told.config.metadata or {})
    has = (name, tuple(told.config.subjects or ()))
    try:
        taking = (await js.consumer_info(name, CONSUMER)).config
    except NotFoundError:
        return Stream(*has, tags=tags, messages=told.state.messages)
    window, at_once = float(taking.ack_wait or 0), int(taking.max_ack_pending or 0)
    receives = int(taking.max_deliver or FOR_EVER)
    return Stream(*has, window, at_once, receives, tags, told.state.messages)


async def make(js: Any, wanted: Stream) -> None:
    """Make a queue, or make of the one that is there what is wanted; its messages stay."""
    from nats.js.api import RetentionPolicy, StorageType, StreamConfig

    there = await look(js, wanted.name)
    subjects = sorted({*(there.subjects if there else ()), *wanted.subjects})
    config = StreamConfig(
        name=wanted.name,
        subjects=subjects,
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        duplicate_window=SAME,
        metadata={**(there.tags if there else {}), **wanted.tags} or None,
    )
    if there is None:
        await js.add_stream(config)
    elif set(subjects) != set(there.subjects) or not wanted.tags.items() <= there.tags.items():
        await js.update_stream(config)
    if wanted.window:
        await _take(js, wanted)


async def _take(js: Any, wanted: Stream) -> None:
    from nats.js.api import AckPolicy, ConsumerConfig

    taking = ConsumerConfig(
        durable_name=CONSUMER,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=wanted.window,
        max_deliver=wanted.receives,
        max_ack_pending=wanted.at_once,
    )
    await js.add_consumer(wanted.name, taking)


async def remove(js: Any, name: str) -> None:
    """Take a queue away, with what is in it."""
    from nats.js.errors import NotFoundError

    try:
        await js.delete_stream(name)
    except NotFoundError:
        pass


async def make_all(js: Any, wanted: Sequence[Stream]) -> None:
    for each in wanted:
        await make(js, each)
