"""What every source is: take messages from a broker, and tell it what became of them.

A source decides nothing: who waits, who is tried again and who is given up is the delivery's
(`delivery/`).  What its broker cannot do it says as data (`Promises`); the table in
docs/how-to/event-sources.md is made of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .message import Letter, Lost, Message


@dataclass(frozen=True, slots=True)
class Promises:
    """What a broker can keep of what a delivery promises.

    redelivers:     what was not acknowledged comes again, to us or to another worker
    counts:         it knows how often a message was handed out, over a kill of ours too
    ordered_by:     within what its order is kept: "key", "subject" …; "" where it has none
    across_workers: that order holds over several workers as well; else within one of them
    extends:        a message can be held for longer than its lease
    requeues:       what is given back is anybody's at once, not when its lease is over
    gives_back:     single messages as well, in the middle of the work
    gives_lanes:    with all behind it, a message keeps its place before them
    dead_letters:   what its dead letters go to, at the broker itself: "stream"; "" for nowhere
    note:           one sentence for people, where the above needs one

    >>> Promises(redelivers=True, ordered_by="key").across_workers
    False
    """

    redelivers: bool
    counts: bool = False
    ordered_by: str = ""
    across_workers: bool = False
    extends: bool = False
    requeues: bool = False
    gives_back: bool = False
    gives_lanes: bool = False
    dead_letters: str = ""
    note: str = ""


class Source:
    """The base of all sources; `receive` and `ack` are all that one must have.

    kind:     the word for it everywhere: "jetstream", "redis-stream" …
    promises: what its broker can keep
    lease:    seconds after which the broker hands out again what was neither acknowledged nor
              extended; None where it never does while we are connected

    Every call but the constructor may raise `Away`.  It is then closed, and opened again after a
    pause; what is in hand meanwhile goes on, and is acknowledged by the new connection.

    >>> import asyncio
    >>> class Lines(Source):
    ...     kind = "lines"
    ...     def __init__(self, text: str) -> None:
    ...         self.left = list(enumerate(text.splitlines()))
    ...     async def receive(self, most: int, seconds: float) -> Sequence[Message]:
    ...         taken, self.left = self.left[:most], self.left[most:]
    ...         if not taken:
    ...             await asyncio.sleep(seconds)
    ...         return [Message(str(number), line.encode()) for number, line in taken]
    ...     async def ack(self, messages: Sequence[Message]) -> None: ...
    >>> Lines("a"), asyncio.run(Lines("a").receive(10, 1.0))[0].body
    (<source lines>, b'a')
    """

    kind: ClassVar[str] = ""
    promises: ClassVar[Promises] = Promises(redelivers=False)
    lease: float | None = None

    @property
    def gives_up(self) -> bool:
        """Whether the broker itself gives up what was given back too often, by a rule of its own;
        known when it is open."""
        return False

    def stand_alone(self, name: str) -> None:
        """Nobody else of that name reads what it reads, while it is open.  One that has ended may
        have had messages in hand: where they can be had before the next ones, they are."""

    async def open(self) -> None:
        """Connect, and be sure that what is to be read is there."""

    async def receive(self, most: int, seconds: float) -> Sequence[Message | Lost]:
        """Up to `most` messages, oldest first; none when there was none within `seconds`.

        It comes back as soon as there is one.  Cancelling it loses nothing: what was taken and not
        given comes again.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how it receives")

    async def ack(self, messages: Sequence[Message]) -> None:
        """They are done: never hand them out again.  Those it no longer knows are passed over."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it acknowledges")

    async def requeue(self, messages: Sequence[Message]) -> None:
        """It is to end: hand them out again, to whom it may be, as soon as can be.  `close` is
        what comes next."""

    async def give_back(self, messages: Sequence[Message]) -> None:
        """Hand these out again, to whom it may be; the work goes on."""
        raise NotImplementedError(f"{type(self).__name__} gives no single message back")

    async def extend(self, messages: Sequence[Message]) -> None:
        """They are still in hand: their leases begin anew."""

    async def bury(self, letter: Letter, place: str) -> None:
        """Send a dead letter to another place of the same broker; back when it is safe there."""
        raise NotImplementedError(f"{type(self).__name__} has no place for dead letters")

    async def answer(self, message: Message, body: str | bytes) -> bool:
        """Send something back to who sent a message; False where nobody would hear it."""
        return False

    async def close(self) -> None:
        """Give connections back; it may be opened again.  Never raises."""

    def __repr__(self) -> str:
        return f"<source {self.kind or type(self).__name__}>"
