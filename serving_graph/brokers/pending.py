"""Records of one shard that were read and are not done: what may be handed out, and how far all is.

Sans IO: a stream has no memory of single records, so this is what a queue does for its messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Record:
    """One record: `due` is when it may be handed out (again), infinite while somebody has it."""

    __slots__ = ("data", "due", "key", "sequence", "tries")

    def __init__(self, sequence: str, key: str, data: bytes, tries: int = 0) -> None:
        self.sequence, self.key, self.data, self.tries = sequence, key, data, tries
        self.due = 0.0


class Pending:
    """See the module.

    ordered: of a key, one record at a time, in their order
    window:  seconds after which a record that was handed out comes again
    clock:   gives seconds

    >>> pending = Pending(ordered=True, window=30, clock=lambda: 0.0)
    >>> for sequence, key in (("1", "a"), ("2", "a"), ("3", "b")):
    ...     pending.add(Record(sequence, key, b""))
    >>> [each.sequence for each in pending.take(10)]
    ['1', '3']
    >>> pending.done("3"), pending.after
    (True, '')
    >>> pending.done("1"), pending.after, [each.sequence for each in pending.take(10)]
    (True, '1', ['2'])
    """

    def __init__(
        self, *, ordered: bool, window: float, clock: Callable[[], float], after: str = ""
    ) -> None:
        self._ordered, self._window, self._clock = ordered, window, clock
        self._records: dict[str, Record] = {}
        self._done: set[str] = set()
        self.after = after  # everything up to this sequence number is done

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: Record) -> None:
        """The next record of the shard."""
        self._records[record.sequence] = record

    def take(self, most: int) -> list[Record]:
        """Up to `most` that are due, and are somebody's from now on."""
        now, taken, behind = self._clock(), list[Record](), set[str]()
        for each in self._records.values():
            if len(taken) == most:
                break
            if each.sequence in self._done or (self._ordered and each.key in behind):
                continue
            behind.add(each.key)
            if each.due <= now:
                each.due, each.tries = now + self._window, each.tries + 1
                taken.append(each)
        return taken

    def later(self, sequence: str, seconds: float) -> None:
        """Hand it out again, so many seconds from now."""
        if (record := self._records.get(sequence)) is not None:
            record.due = self._clock() + seconds

    def done(self, sequence: str) -> bool:
        """Its work is done; whether it was here."""
        if sequence not in self._records:
            return False
        self._done.add(sequence)
        while self._records and (first := next(iter(self._records))) in self._done:
            del self._records[first]
            self._done.discard(first)
            self.after = first
        return True

    def next_due(self) -> float | None:
        """Seconds until one may be handed out; None when there is none."""
        waiting = [each.due for each in self._records.values() if each.sequence not in self._done]
        return max(0.0, min(waiting) - self._clock()) if waiting else None


def shard_order(shards: list[dict[str, Any]], ended: set[str]) -> list[str]:
    """The shards that may be read: those whose parents are read to their ends, or are gone.

    >>> shard_order([{"ShardId": "0"}, {"ShardId": "1", "ParentShardId": "0"}], set())
    ['0']
    >>> shard_order([{"ShardId": "0"}, {"ShardId": "1", "ParentShardId": "0"}], {"0"})
    ['1']
    """
    there = {each["ShardId"] for each in shards}
    found = []
    for each in shards:
        parents = {each.get("ParentShardId"), each.get("AdjacentParentShardId")} & there
        if each["ShardId"] not in ended and parents <= ended:
            found.append(each["ShardId"])
    return found
