"""When a batch goes and who is in it, decided without a thread, a loop or a clock of its own.

The rules:

- Items of one group share a batch, in the order in which they came, `max_rows` rows at the most.
- At most `concurrency` batches run; what is due meanwhile goes as soon as one is done.
- A group is due when it fills a batch; when nobody is in sight who could join it (`company`), or
  arrivals are rarer than `max_wait`; else `max_wait` after its oldest item came, or earlier: an
  item waits for half the time at the most that it has left over the time that a batch takes.
- So while a batch may run, no item waits longer than `max_wait`.  Of several groups that are due
  the one that was due first goes first, and none is passed over for ever.
- Items of one key are begun in the order in which they came, whatever their groups: one waits for
  those before it unless they are in the same batch, and they are due when it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, NamedTuple

WAITING, RUNNING, OVER = "waiting", "running", "over"
NEVER = float("inf")
NOTHING: Any = object()  # the answer of an item that has none yet
_SHARE = 0.25  # of the newest value in a running mean


class Item:
    """What goes into one batch as a whole.

    piece:   the value, opaque here
    rows:    how many rows it has
    group:   what it may share a batch with; equal groups do
    key:     whose order is kept; None for nobody's
    expires: when its caller gives up
    owner:   its caller, opaque here
    answer, error: how it ended, for its caller
    """

    __slots__ = (
        "answer", "arrived", "batch", "due", "error", "expires", "group", "key", "owner", "piece",
        "rows", "state",
    )  # fmt: skip

    def __init__(
        self,
        piece: Any,
        rows: int = 1,
        group: Hashable = None,
        *,
        key: Hashable = None,
        expires: float = NEVER,
        owner: Any = None,
    ) -> None:
        self.piece, self.rows, self.group, self.key = piece, rows, group, key
        self.expires, self.owner, self.state = expires, owner, OVER
        self.arrived = self.due = 0.0
        self.answer: Any = NOTHING
        self.error: Exception | None = None
        self.batch: Batch | None = None


class Batch:
    """Items that run together; `task` is for whoever runs them."""

    __slots__ = ("began", "items", "task")

    def __init__(self, items: list[Item], began: float) -> None:
        self.items, self.began = items, began
        self.task: Any = None

    @property
    def deserted(self) -> bool:
        return all(each.state is OVER for each in self.items)


class Next(NamedTuple):
    """When the next batch is due if nobody comes, and its first item."""

    when: float
    item: Item


class _Group:
    """The waiting items that may share a batch.

    due:     that of the most urgent item
    ordered: whether no item is due before those that came before it, as it is without deadlines
    """

    __slots__ = ("due", "items", "ordered", "rows")

    def __init__(self) -> None:
        self.items, self.rows, self.due = deque[Item](), 0, NEVER
        self.ordered = True

    def add(self, item: Item) -> None:
        self.ordered = self.ordered and (not self.items or item.due >= self.items[-1].due)
        self.items.append(item)
        self.rows += item.rows
        self.due = min(self.due, item.due)

    def hurry(self, item: Item, due: float) -> None:
        item.due, self.ordered = due, False
        self.due = min(self.due, due)

    def remove(self, gone: Iterable[Item]) -> None:
        for each in gone:
            self.items.remove(each)
            self.rows -= each.rows
        if self.ordered:  # a list of any length costs no more than its batches
            self.due = self.items[0].due if self.items else NEVER
        else:
            self.due = min((each.due for each in self.items), default=NEVER)


class Batcher:
    """The items that wait, and the batches that run.

    max_rows:    rows a batch, at the most
    max_wait:    seconds that an item waits for company, at the most
    queue:       rows that may wait; `full` says when there are as many
    concurrency: batches that run at the same time, at the most

    >>> batcher = Batcher(max_rows=2, max_wait=0.005)
    >>> batcher.put(Item("a"), now=0.0)
    >>> batcher.take(now=0.001, company=True) is None, batcher.next(True).when
    (True, 0.005)
    >>> batcher.put(Item("b"), now=0.002)
    >>> [each.piece for each in batcher.take(now=0.002, company=True).items]
    ['a', 'b']
    """

    def __init__(
        self, max_rows: int, max_wait: float, *, queue: int = 1024, concurrency: int = 1
    ) -> None:
        self.max_rows, self.max_wait = max_rows, max_wait
        self.queue, self.concurrency = queue, concurrency
        self.rows = self.running = 0
        self.seconds = 0.0  # that a batch takes, the running mean
        self._gap = 0.0  # between two arrivals, the running mean
        self._last: float | None = None
        self._groups: dict[Hashable, _Group] = {}
        self._lines: dict[Hashable, deque[Item]] = {}  # by key, what is not over, as it came
        self._expiry = NEVER  # no waiting item expires before

    @property
    def full(self) -> bool:
        return self.rows >= self.queue

    def put(self, item: Item, now: float) -> None:
        """Let an item wait.  Nothing is refused here: ask `full` before."""
        self._see_arrival(now)
        item.arrived, item.state = now, WAITING
        spare = max(0.0, item.expires - now - self.seconds)
        item.due = now + min(self.max_wait, spare / 2)
        self._expiry = min(self._expiry, item.expires)
        self._groups.setdefault(item.group, _Group()).add(item)
        self.rows += item.rows
        if item.key is not None:
            self._line_up(item)

    def _see_arrival(self, now: float) -> None:
        """A night without arrivals is forgotten within a few: none counts for more than twice
        `max_wait`."""
        if self._last is not None:
            gap = min(now - self._last, 2 * self.max_wait)
            self._gap += _SHARE * (gap - self._gap)
        self._last = now

    def _line_up(self, item: Item) -> None:
        line = self._lines.setdefault(item.key, deque())
        for each in reversed(line):  # along a line nobody is due before who is ahead
            if each.due <= item.due:
                break
            if each.state is WAITING:
                self._groups[each.group].hurry(each, item.due)
        line.append(item)

    def take(self, now: float, company: bool) -> Batch | None:
        """The batch to run now, which then counts as running until `done`; None for none.

        company: whether anybody is in sight who may put an item soon
        """
        if self.running >= self.concurrency:
            return None
        for group in sorted(self._due(now, company), key=lambda each: each.due):
            if picked := self._pick(group):
                return self._begin(group, picked, now)
        return None

    def _due(self, now: float, company: bool) -> Iterator[_Group]:
        wait = self._waits(company)
        for group in self._groups.values():
            if not wait or group.rows >= self.max_rows or group.due <= now:
                yield group

    def _waits(self, company: bool) -> bool:
        return company and self._gap <= self.max_wait

    def _pick(self, group: _Group) -> list[Item]:
        """The first items that fit a batch and whose turn it is by their keys."""
        picked, rows, turns = list[Item](), 0, dict[Hashable, int]()
        for item in group.items:
            if item.key is not None:
                turn = turns.get(item.key, 0)
                if self._lines[item.key][turn] is not item:
                    continue
                turns[item.key] = turn + 1
            if picked and rows + item.rows > self.max_rows:
                break
            picked.append(item)
            rows += item.rows
        return picked

    def _begin(self, group: _Group, picked: list[Item], now: float) -> Batch:
        self._out(group, picked)
        batch = Batch(picked, now)
        for each in picked:
            each.state, each.batch = RUNNING, batch
        self.running += 1
        return batch

    def _out(self, group: _Group, gone: list[Item]) -> None:
        group.remove(gone)
        self.rows -= sum(each.rows for each in gone)
        if not group.items:
            del self._groups[gone[0].group]

    def done(self, batch: Batch, now: float) -> None:
        """The batch is over, however it ended."""
        self.running -= 1
        took = now - batch.began
        self.seconds += (_SHARE if self.seconds else 1.0) * (took - self.seconds)
        for each in batch.items:
            self._end(each)

    def leave(self, item: Item) -> None:
        """An item's caller has gone: one that waits is taken out, one that runs is only marked."""
        if item.state is WAITING:
            self._out(self._groups[item.group], [item])
            self._end(item)
        item.state = OVER

    def _end(self, item: Item) -> None:
        item.state = OVER
        if item.key is None:
            return
        line = self._lines[item.key]
        line.remove(item)
        if not line:
            del self._lines[item.key]

    def expired(self, now: float) -> list[Item]:
        """The waiting items whose callers have given up by now, taken out."""
        if now < self._expiry:
            return []
        waiting = [each for group in self._groups.values() for each in group.items]
        gone = [each for each in waiting if each.expires <= now]
        for each in gone:
            self.leave(each)
        left = (each.expires for each in waiting if each.state is WAITING)
        self._expiry = min(left, default=NEVER)
        return gone

    @property
    def expiry(self) -> float:
        """No waiting item expires before this time; NEVER when none does."""
        return self._expiry if self._groups else NEVER

    def next(self, company: bool) -> Next | None:
        """When `take` gives a batch if nobody comes or goes; None while none can be."""
        if self.running >= self.concurrency:
            return None
        found: Next | None = None
        wait = self._waits(company)
        for group in sorted(self._groups.values(), key=lambda each: each.due):
            when = group.due if wait and group.rows < self.max_rows else -NEVER
            if (found is None or when < found.when) and (picked := self._pick(group)):
                found = Next(when, picked[0])
        return found
