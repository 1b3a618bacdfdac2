"""What has come while nothing else waits or is in hand: handed out in the order in which it came.

It needs no lane, for a batch is over before the next one.  Most messages of most deliveries go this
way, and cost what is said here, and no word more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from ..message import Message
from .outcome import Batch, Given


class Straight:
    """
    batch:   messages of one at the most;  numbers: of the delivery's batches
    running: the batch that `run` gave last and that is not over; once broken off, nothing
    number:  of that batch
    since:   when the first of them came

    >>> from itertools import count
    >>> straight = Straight(2, count(1))
    >>> straight.add({each: Message(each, b"") for each in "abc"}, now=0.0)
    >>> first = next(straight.run(lambda: True))
    >>> straight.left, [each.id for each in first.messages]
    (3, ['a', 'b'])
    >>> [[each.id for each in some] for some in straight.break_off()]
    [['a', 'b'], ['c']]
    """

    def __init__(self, batch: int, numbers: Iterator[int]) -> None:
        self._batch, self._numbers = batch, numbers
        self._waiting: dict[str, Message] = {}
        self._ran: list[Message] = []  # the first of them, which are done
        self.running: tuple[Message, ...] = ()
        self.number, self.since = 0, 0.0

    def __len__(self) -> int:
        """How many are known here, those with them that are done and not taken."""
        return len(self._waiting)

    def __contains__(self, id: str) -> bool:
        return id in self._waiting

    @property
    def left(self) -> int:
        """How many are not done."""
        return len(self._waiting) - len(self._ran)

    def knows_none(self, come: Mapping[str, Message]) -> bool:
        """Whether none of them is here."""
        return come.keys().isdisjoint(self._waiting)

    def add(self, come: Mapping[str, Message], now: float) -> None:
        """They have come, and none of them is here."""
        if not self._waiting:
            self.since = now
        self._waiting |= come

    def run(self, goes_on: Callable[[], bool]) -> Iterator[Batch]:
        """Batch after batch while `goes_on`; who asks for the next says that this one is done."""
        new, numbers = object.__new__, self._numbers
        for batch in self._in_turn():
            if not goes_on():
                break
            self.number = number = next(numbers)
            self.running = batch
            given = new(Given)
            given.messages, given.number = batch, number  # type: ignore[misc]
            yield given
            if self.running is not batch:
                return
            self._ran += batch
        self.running = ()

    def _in_turn(self) -> Iterator[tuple[Message, ...]]:
        waiting = list(self._waiting.values())
        if self._batch == 1:
            return zip(waiting, strict=True)
        rest = iter(waiting)
        return iter(lambda: tuple(islice(rest, self._batch)), ())

    def take_ran(self) -> tuple[list[str], list[Message]]:
        """The ids and the messages of those that are done, all together; forgotten here."""
        if not self._ran:
            return [], []
        ran, self._ran = self._ran, []
        ids = list(islice(self._waiting, len(ran)))
        if len(ids) == len(self._waiting):
            self._waiting.clear()
        else:
            for each in ids:
                del self._waiting[each]
        return ids, ran

    def break_off(self) -> tuple[list[Message], list[Message]]:
        """Who is in hand, and who is behind them; forgotten here.  What ran was taken before."""
        size = len(self.running)
        waiting = list(self._waiting.values())
        self._waiting.clear()
        self.running = ()
        return waiting[:size], waiting[size:]
