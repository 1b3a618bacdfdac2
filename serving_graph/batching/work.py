"""What becomes of a batch, whoever runs it: one call, and each item's own answer or error.

When the call of a batch raises, its halves are tried, and theirs, until an item fails alone: one
bad item among n costs about 2 log n calls, where one call an item would cost n.  What speaks of the
service and not of an item (overloaded, not ready, out of time, no connection) fails the batch at
once: asking such a one again, once an item, would be the worst.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ...handlers.context import Context
from ...handlers.errors import DeadlineExceeded, Overloaded, PeltonError
from ...handlers.failed import Failed
from ..compile import note
from ..deadline import time_left
from ..drive import AsyncRun
from ..in_flight import InFlight
from .batcher import NEVER, NOTHING, OVER, Batch, Batcher, Item
from .rows import Rows

if TYPE_CHECKING:
    from ..protocols import Clock

E = TypeVar("E", bound=Exception)
_OF_THE_SERVICE = (429, 503, 504)


class Party:
    """A caller with one value or with many: what of them is not answered yet.

    wake: called when nothing is left
    """

    __slots__ = ("items", "left", "wake")

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.items: list[Item] = []
        self.left = 0

    @property
    def expires(self) -> float:
        return self.items[0].expires

    def answered(self) -> bool:
        """One item less is left; whether it was the last."""
        if not self.left:
            return False
        self.left -= 1
        if not self.left:
            self.wake()
        return not self.left


class Ticket:
    """One value on its way through batches.  The `owner` of its items."""

    __slots__ = ("context", "items", "party", "value")

    def __init__(self, value: Any, context: Any, party: Party) -> None:
        self.value, self.context, self.party = value, context, party
        self.items: list[Item] = []


class Work:
    """A batched step on one worker, without the waiting.

    run:    the step's own steps, to be awaited
    last:   the path of the last of them, which gives the answers
    alone:  whether a single piece is given to them as it came, not as a batch of one
    key_of: the key of a value whose order is kept; None for none
    """

    def __init__(
        self,
        rows: Rows,
        run: AsyncRun,
        clock: Clock,
        in_flight: InFlight,
        make: Callable[[], Batcher],
        *,
        path: str,
        last: str = "",
        alone: bool = False,
        key_of: Callable[[Any], Hashable] | None = None,
        refuse: bool = True,
        counter: Callable[[str], Callable[[float], object]] | None = None,
    ) -> None:
        self.rows, self.ask, self.clock, self.in_flight = rows, run, clock, in_flight
        self.make, self.path, self.alone, self.key_of = make, path, alone, key_of
        self.refuse, self.last = refuse, last or path
        count = counter or (lambda name: lambda more: None)
        self._count_batches, self._count_rows = count("batches"), count("batched_rows")

    def ticket(self, value: Any, context: Any, party: Party) -> Ticket:
        """A value's items, added to its caller's.  Raises what `Rows.split` does."""
        ticket = Ticket(value, context, party)
        try:
            key = self.key_of(value) if self.key_of else None
            pieces = self.rows.split(value)
        except Exception as error:
            note(error, self.path, value)
            raise
        expires = NEVER if context is None else self.clock.now() + time_left(context)
        ticket.items = [
            Item(each, each.rows, each.group, key=key, expires=expires, owner=ticket)
            for each in pieces
        ]
        party.items += ticket.items
        party.left += len(ticket.items)
        return ticket

    def tickets(self, values: Sequence[Any], context: Any, party: Party) -> list[Any]:
        """A ticket for each value, or `Failed` where there can be none."""
        found = list[Any]()
        for value in values:
            try:
                found.append(self.ticket(value, context, party))
            except Exception as error:
                found.append(Failed(error))
        return found

    def outcome(self, ticket: Any) -> Any:
        """The answer of what `tickets` gave, or `Failed`."""
        if isinstance(ticket, Failed):
            return ticket
        try:
            return self.answer(ticket)
        except Exception as error:
            return Failed(error)

    def answer(self, ticket: Ticket) -> Any:
        """A ticket's answer when nothing of it is left.  Raises its first error."""
        for each in ticket.items:
            if each.error is not None:
                raise each.error
        return self.rows.rejoin([each.answer for each in ticket.items])

    def overloaded(self, batcher: Batcher, party: Party) -> Overloaded:
        what = f"{batcher.rows} rows wait already, of {batcher.queue} that may"
        return self._turned_away(Overloaded(what, after=batcher.seconds or None), party)

    def too_late(self, party: Party) -> DeadlineExceeded:
        what = "the event's time was over before the queue had room"
        return self._turned_away(DeadlineExceeded(what), party)

    def _turned_away(self, error: E, party: Party) -> E:
        note(error, self.path, party.items[0].owner.value)
        return error

    def expire(self, item: Item, now: float) -> None:
        waited = max(0.0, now - item.arrived)
        error = DeadlineExceeded(f"the event's time was over after {waited:.3g} s in the queue")
        self._fail(item, error)

    def close(self, batch: Batch) -> None:
        """Say of what the batch left without an end that it was cut off."""
        for each in batch.items:
            if each.state is not OVER and each.answer is NOTHING and each.error is None:
                self._fail(each, PeltonError("the call of its batch was cut off"))

    async def run(self, batch: Batch) -> None:
        """Answer the items of a batch that still have a caller."""
        self._count_batches(1)
        self._count_rows(sum(each.rows for each in batch.items))
        await self._settle(batch.items)

    async def _settle(self, items: Sequence[Item]) -> None:
        live = [each for each in items if each.state is not OVER]
        if not live:
            return
        pieces, dealt = [each.piece for each in live], list[Any]()
        try:
            if self.alone and len(live) == 1:
                dealt = [await self.ask(pieces[0].value, live[0].owner.context)]
            else:
                answers = await self.ask(self.rows.gather(pieces), _shared(live))
        except Exception as error:
            await self._apart(live, error)
            return
        if not dealt:
            try:
                dealt = self.rows.deal(answers, pieces)
            except (TypeError, ValueError) as error:
                # What gives no answer for each row is the model's own fault, and no one row's:
                # with fewer rows it may seem right.
                note(error, self.last)
                for each in live:
                    self._fail(each, _own(error))
                return
        for item, answer in zip(live, dealt, strict=True):
            if isinstance(answer, Exception):
                self._fail(item, answer)
            else:
                item.answer = answer

    async def _apart(self, live: Sequence[Item], error: Exception) -> None:
        if len(live) == 1 or _of_the_service(error):
            for each in live:
                self._fail(each, error if len(live) == 1 else _own(error))
            return
        middle = len(live) // 2
        for half in (live[:middle], live[middle:]):
            now = self.clock.now()
            for each in half:
                if each.expires <= now:
                    self.expire(each, now)
            await self._settle([each for each in half if each.error is None])

    def _fail(self, item: Item, error: Exception) -> None:
        """The item's error, which tells the digest of its own value and not of the batch."""
        from ..digest import digest

        note(error, self.path)
        object.__setattr__(error, "input_digest", digest(item.owner.value))
        item.error = error


def _of_the_service(error: Exception) -> bool:
    said = getattr(error, "status", None) in _OF_THE_SERVICE
    return said or isinstance(error, (TimeoutError, ConnectionError))


def _own(error: Exception) -> Exception:
    """A copy of an error that several callers get; the error itself where it cannot be copied."""
    from copy import copy

    try:
        other = copy(error)
    except Exception:  # its own __init__ or __reduce__ may raise anything
        return error
    if type(other) is not type(error):
        return error
    object.__setattr__(other, "__notes__", list(getattr(error, "__notes__", [])))
    return other.with_traceback(error.__traceback__)


def _shared(live: Sequence[Item]) -> Any:
    """The context of a batch: its callers' own where it is one, else one that has the most urgent
    deadline and nobody's request id."""
    contexts = {id(each.owner.context): each.owner.context for each in live}
    first, *others = [each for each in contexts.values() if each is not None] or [None]
    if first is None or (not others and len(contexts) == 1):
        return first
    return _merged([first, *others])


def _merged(contexts: Sequence[Context]) -> Context:
    deadlines = [each.deadline for each in contexts if each.deadline is not None]
    merged = contexts[0].within(0)
    merged.deadline = min(deadlines, default=None)
    merged.request_id = ""
    return merged
