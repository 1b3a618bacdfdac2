"""What takes from a topic on one machine: a member of the queue's group, and what it holds.

Committed is, a partition, how far everything is done.  How often a message was tried is known as
long as its process lives: Kafka counts nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ...handlers.triggers.broker_handoff import group_of
from ..steps.queue import Address
from .pending import Pending, Record

MOST = 1000  # messages that are held
FOR_EVER = float("inf")  # what this process has is nobody else's, until it or its partition goes
LEAST_POLL = 300.0  # seconds between two looks at the topic, after which others take our partitions
Handle = tuple[int, int]  # partition, offset


class Reader:
    """One topic, as one process takes from it.  settings: of librdkafka, for every client."""

    def __init__(self, settings: dict[str, Any], queue: Address) -> None:
        from confluent_kafka import Consumer

        self._queue, self._parts, self._paused = queue, dict[int, Pending](), False
        self._consumer = Consumer(
            {
                **settings,
                "group.id": group_of(queue.name),
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": 6000,
                "max.poll.interval.ms": int(1000 * max(LEAST_POLL, 2 * queue.window)),
            }
        )
        gone = self._gone
        self._consumer.subscribe([queue.name], on_revoke=gone, on_lost=gone)

    def take(self, most: int, wait: float) -> list[tuple[Record, Handle]]:
        """Up to `most` records, each with its place; none when none came within `wait`."""
        late = time.monotonic() + wait
        self._read(0.0)
        while not (found := self._due(most)):
            left = late - time.monotonic()
            if left <= 0:
                return []
            dues = [each.next_due() for each in self._parts.values()]
            self._read(min([left, *(each for each in dues if each is not None)]))
        return found

    def _due(self, most: int) -> list[tuple[Record, Handle]]:
        found: list[tuple[Record, Handle]] = []
        for number, part in self._parts.items():
            taken = part.take(most - len(found))
            found += [(each, (number, int(each.sequence))) for each in taken]
        return found

    def _read(self, wait: float) -> None:
        """Take what has come, and hear of rebalances."""
        room = MOST - sum(map(len, self._parts.values()))
        self._pause(room <= 0)
        # It waits until it has all that it is asked for: for the first alone, then for the rest.
        found = self._consumer.consume(1, wait)
        if found and room > 1:
            found += self._consumer.consume(room - 1, 0.0)
        for each in found:
            if each.error() is None:
                self._add(each)

    def _add(self, found: Any) -> None:
        part = self._parts.get(found.partition())
        if part is None:
            ordered = self._queue.ordered
            part = Pending(ordered=ordered, window=FOR_EVER, clock=time.monotonic)
            self._parts[found.partition()] = part
        key = (found.key() or b"").decode(errors="replace")
        part.add(Record(str(found.offset()), key, found.value() or b""))

    def _pause(self, full: bool) -> None:
        """Nothing more while we hold enough; what a rebalance brings meanwhile comes all the
        same."""
        if full != self._paused:
            ours = self._consumer.assignment()
            (self._consumer.pause if full else self._consumer.resume)(ours)
            self._paused = full

    def _gone(self, consumer: Any, partitions: Sequence[Any]) -> None:
        """They are somebody else's, who begins behind what is committed."""
        for each in partitions:
            self._parts.pop(each.partition, None)

    def done(self, handles: Sequence[Handle]) -> None:
        """Their work is done: their partitions' places go on."""
        moved = dict[int, int]()
        for number, offset in handles:
            part = self._parts.get(number)
            if part is not None and part.done(str(offset)) and part.after:
                moved[number] = int(part.after) + 1
        if moved:
            self._commit(moved)

    def _commit(self, places: dict[int, int]) -> None:
        from confluent_kafka import KafkaError, KafkaException, TopicPartition

        offsets = [TopicPartition(self._queue.name, each, place) for each, place in places.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            # A rebalance is on its way: they come again, here or at another member.
            if error.args[0].code() not in (
                KafkaError.ILLEGAL_GENERATION,
                KafkaError.REBALANCE_IN_PROGRESS,
                KafkaError.UNKNOWN_MEMBER_ID,
            ):
                raise

    def later(self, handle: Handle, seconds: float) -> None:
        """Hand it out again, so many seconds from now."""
        if (part := self._parts.get(handle[0])) is not None:
            part.later(str(handle[1]), seconds)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()
