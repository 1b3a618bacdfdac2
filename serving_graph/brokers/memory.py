"""A broker inside one process: for tests, and to see a spread graph work without a server.

It asks its clock, so a test moves windows and back-off by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..clock import RealClock
from ..message import Message
from ..steps.queue import Address
from .base import Broker, NoSuchQueue, NotSent, Received, dead

if TYPE_CHECKING:
    from ..protocols import Clock


class _Kept:
    """A message in a queue: from when on it may be handed out, and how often it has been."""

    __slots__ = ("attempt", "id", "ready", "text", "token")

    def __init__(self, text: str, number: int, ready: float) -> None:
        self.text, self.id, self.ready = text, str(number), ready
        self.attempt, self.token = 0, 0


class MemoryBroker:
    """See the module.  `queues` are the messages that are there, by queue.

    >>> broker, address = MemoryBroker(), Address("q")
    >>> broker.prepare([address])
    >>> broker.send(address, [Message(1)])
    ['1']
    >>> [each.message.value for each in broker.receive(address, 10, 0)]
    [1]
    """

    url = "memory:"

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or RealClock()
        self.queues: dict[str, list[_Kept]] = {}
        self._sent = 0

    def __repr__(self) -> str:
        return f"<broker {self.url}>"

    def open(self) -> None:
        """Nothing to connect to."""

    def prepare(self, queues: Sequence[Address]) -> None:
        for each in queues:
            self.queues.setdefault(each.name, [])
            self.queues.setdefault(dead(each).name, [])

    def send(self, queue: Address, messages: Sequence[Message]) -> list[str | NotSent]:
        there = self._queue(queue)
        ids: list[str | NotSent] = []
        for each in messages:
            self._sent += 1
            there.append(_Kept(each.text(), self._sent, self.clock.now()))
            ids.append(str(self._sent))
        return ids

    def receive(self, queue: Address, most: int, wait: float) -> list[Received]:
        there, now, blocked = self._queue(queue), self.clock.now(), set[str]()
        found: list[Received] = []
        for kept in there:
            message = Message.from_text(kept.text, kept.id)
            group = message.group if queue.ordered else ""
            free = kept.ready <= now and not (group and group in blocked)
            if free and len(found) < most:
                kept.attempt, kept.ready = kept.attempt + 1, now + queue.window
                kept.token += 1
                found.append(Received(message, kept.attempt, (kept, kept.token)))
            elif group:
                blocked.add(group)
        if not found and wait:
            self.clock.sleep(wait)
        return found

    def done(self, queue: Address, received: Sequence[Received]) -> None:
        there = self._queue(queue)
        for each in received:
            kept, token = each.handle
            if kept in there and kept.token == token:
                there.remove(kept)

    def later(self, queue: Address, received: Received, seconds: float) -> None:
        kept, token = received.handle
        if kept.token == token:
            kept.ready = self.clock.now() + seconds

    def close(self) -> None:
        """Nothing to give back."""

    def _queue(self, queue: Address) -> list[_Kept]:
        try:
            return self.queues[queue.name]
        except KeyError:
            raise NoSuchQueue(f"there is no queue {queue.name!r} in this process") from None


def at(url: str) -> Broker:
    return MemoryBroker()
