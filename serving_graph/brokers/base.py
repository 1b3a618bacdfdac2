"""What every broker does: make queues, send, receive, and be told what became of a message.

Every call raises `Away` when the broker cannot be reached.

At least once: what was received and neither `done` nor put off by `later` comes again when the
queue's window is over.  A broker knows nothing of graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ...handlers.errors import PeltonError
from ..message import Message
from ..steps.queue import Address

MOST_RECEIVES = 1000  # of a redrive policy of SQS
# Kills, and records that a batch gave back untried, count as receives; only what never comes to
# its end is left to the queue itself.
SPARE_RECEIVES = 20


class NoSuchQueue(PeltonError):
    """A message was sent to a queue, or asked of one, that is not there."""

    status = 503


class NotSent(PeltonError):
    """The broker did not take a message; its sender must not take the event for done.

    never: it never will: the message is too large, or holds what it does not carry
    """

    status = 503

    def __init__(self, what: str, *, never: bool = False) -> None:
        self.never = never
        super().__init__(what)


class Away(PeltonError):
    """The broker cannot be reached now; nothing is said of any message."""

    status = 503


class Received:
    """A message as it was handed out.

    attempt: how often it has been, this time included
    handle:  the broker's own, for `done` and `later`
    """

    __slots__ = ("attempt", "handle", "message")

    def __init__(self, message: Message, attempt: int, handle: Any = None) -> None:
        self.message, self.attempt, self.handle = message, attempt, handle


class Broker(Protocol):
    """A carrier of messages; `url` names it to another process."""

    url: str

    def open(self) -> None:
        """Be ready to send, so that the first message need not wait for it."""

    def prepare(self, queues: Sequence[Address]) -> None:
        """Make the queues that are not there, with their dead-letter queues."""

    def send(self, queue: Address, messages: Sequence[Message]) -> list[str | NotSent]:
        """Give messages over, in order; the broker's id of each, or why it was not taken.

        Raises `NoSuchQueue`.
        """

    def receive(self, queue: Address, most: int, wait: float) -> list[Received]:
        """Up to `most` messages; none when there was none within `wait` seconds.

        What is no message at all (no JSON) is moved to the dead-letter queue and not given.
        Raises `NoSuchQueue`.
        """

    def done(self, queue: Address, received: Sequence[Received]) -> None:
        """Take them off the queue: their work is done."""

    def later(self, queue: Address, received: Received, seconds: float) -> None:
        """Hand it out again, `seconds` from now."""

    def close(self) -> None:
        """Give connections back."""


def dead(queue: Address) -> Address:
    """The address of a queue's dead letters."""
    return Address(queue.dead_letter or f"{queue.name}-dead", queue.ordered, letters=True)


def receives(queue: Address) -> int:
    """After how many receives the queue itself gives a message up: one that kills its worker."""
    return min(queue.attempts + SPARE_RECEIVES, MOST_RECEIVES)


def read(
    broker: Broker, queue: Address, data: str | bytes, name: str, attempt: int, handle: Any
) -> Received | None:
    """What a queue has handed out; None for what is no JSON, which goes to the dead letters as
    text (what they do not take comes again).

    name: the broker's own of it, for a message that has no key
    """
    try:
        return Received(Message.from_text(data, name), attempt, handle)
    except ValueError as error:
        text = data if isinstance(data, str) else data.decode(errors="replace")
        broken = Message(text, idempotency_key=name, graph=queue.name)
        letter = broken.dead({"error": f"no JSON: {error}", "queue": queue.name})
        (told,) = broker.send(dead(queue), [letter])
        if not isinstance(told, NotSent):
            broker.done(queue, [Received(broken, attempt, handle)])
        return None


def bury_deadly(broker: Broker, queue: Address, received: Received) -> bool:
    """Move to the dead letters what was handed out again and again, and never came to its end;
    whether it is there now."""
    count = received.attempt - 1
    said = f"handed out {count} times, and each time the worker ended before it was done"
    reason = {"error": said, "attempt": count, "queue": queue.name}
    (told,) = broker.send(dead(queue), [received.message.dead(reason)])
    if not isinstance(told, NotSent):
        broker.done(queue, [received])
    return not isinstance(told, NotSent)


def digest_id(message: Message) -> str:
    """The same for a message that is sent again: its key and the step it is for."""
    from hashlib import sha256

    return sha256(f"{message.idempotency_key}\n{message.step}".encode()).hexdigest()
