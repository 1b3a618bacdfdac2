"""What a RabbitMQ channel has handed out: which tags are open, and who it is that comes again.

RabbitMQ numbers what a channel hands out (delivery tags), and has no identifier of a message.  An
identifier is given here.  One that comes again after a lost connection is known by what it is: it
is said to be handed out again, and is equal to one that was not acknowledged.  No socket is here.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Hashable, Iterable
from itertools import count


class Hand:
    """
    known: how many of earlier connections are remembered; older ones come as new

    >>> hand = Hand(known=10)
    >>> first = [hand.take(tag, "same", again=False) for tag in (1, 2, 3)]
    >>> hand.ack([1, 3])
    [(1, True), (3, False)]
    >>> hand.begin()  # the connection was lost with the second
    >>> hand.take(1, "same", again=True) == first[1]
    True
    """

    def __init__(self, known: int) -> None:
        self._most = known
        self._run, self._numbers, self.connection = uuid.uuid4().hex[:8], count(), 0
        self._open: dict[int, tuple[str, Hashable]] = {}  # tag > id, content; in the tags' order
        self._lost: dict[Hashable, deque[str]] = {}

    def begin(self) -> None:
        """A new connection: what was open on the last one comes again, to us or to another."""
        self.connection += 1
        for id, content in self._open.values():
            # Behind those that were lost earlier.
            ids = self._lost.pop(content, deque())
            ids.append(id)
            self._lost[content] = ids
        self._open.clear()
        while len(self._lost) > self._most:
            del self._lost[next(iter(self._lost))]

    def take(self, tag: int, content: Hashable, *, again: bool) -> str:
        """The identifier of a message that is handed out now.

        content: what is equal when it comes again;  again: whether the broker says that it does
        """
        ids = self._lost.get(content) if again else None
        if ids:
            id = ids.popleft()
            if not ids:
                del self._lost[content]
        else:
            id = f"{self._run}-{next(self._numbers)}"
        self._open[tag] = (id, content)
        return id

    def ack(self, tags: Iterable[int]) -> list[tuple[int, bool]]:
        """What to say for these tags: (tag, whether it speaks for all before it as well)."""
        done = sorted(tag for tag in tags if self._open.pop(tag, None) is not None)
        oldest = next(iter(self._open), None)
        below = [tag for tag in done if oldest is None or tag < oldest]
        together = [(below[-1], True)] if below else []
        return together + [(tag, False) for tag in done[len(below) :]]

    def give_back(self, tags: Iterable[int]) -> list[int]:
        """Those of these tags that are open; they are not any more."""
        return [tag for tag in tags if self._open.pop(tag, None) is not None]
