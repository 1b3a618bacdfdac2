"""What of Kafka's partitions is in our hands: what was read and is not yet given on, and up to
which offset all is done.  Kafka remembers one number a partition, so of what is done out of order
nothing is committed beyond the oldest that is not.  Two threads meet here; nothing here knows the
client library.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice

from ..message import Lost, Message
from .kafka_message import KafkaMessage, Part


class Offsets:
    """The offsets of one partition that are out, in order.

    >>> offsets = Offsets()
    >>> offsets.out([5, 6, 7])
    >>> offsets.done([6]), offsets.position, offsets.done([5]), offsets.position
    (None, 5, None, 7)
    """

    def __init__(self) -> None:
        self._out: deque[int] = deque()  # the oldest of them is not done
        self._done: set[int] = set()  # those behind it that are
        self._end = -1
        self.committed = -1

    @property
    def position(self) -> int:
        """From where on another one has to read: the oldest that is not done, or behind all."""
        return self._out[0] if self._out else self._end

    @property
    def any_out(self) -> bool:
        """Whether one of them is not done."""
        return bool(self._out)

    def out(self, offsets: Sequence[int]) -> None:
        """They were read, in their order."""
        self._out.extend(offsets)
        self._end = offsets[-1] + 1

    def done(self, offsets: Sequence[int]) -> None:
        """They are; those that are not out are passed over."""
        out, done = self._out, self._done
        if not out:
            return
        if not done and offsets == list(islice(out, len(offsets))):  # the oldest: nearly always
            for _ in offsets:
                out.popleft()
            return
        done.update(each for each in offsets if out[0] <= each < self._end)
        while out and out[0] in done:
            done.remove(out.popleft())

    def back(self, offset: int) -> None:
        """It and all behind it were not given on after all."""
        while self._out and self._out[-1] >= offset:
            self._done.discard(self._out.pop())
        self._end = min(self._end, offset)


class Hand:
    """All partitions that are ours; every method may be called by any thread.

    most: messages that wait here at the most, about
    """

    def __init__(self, most: int, before: Collection[Part] = ()) -> None:
        self._most, self._before = most, set(before)
        self._changed = threading.Condition()
        self._waiting: deque[KafkaMessage | Lost] = deque()
        self._parts: dict[Part, Offsets] = {}

    @property
    def owned(self) -> set[Part]:
        """The partitions that are ours; until there are any, those that were before."""
        with self._changed:
            return set(self._parts) or set(self._before)

    @property
    def full(self) -> bool:
        """Whether enough wait here."""
        return len(self._waiting) >= self._most

    @property
    def overfull(self) -> bool:
        """Whether twice that waits here: who asks only to be called back takes messages as well."""
        return len(self._waiting) >= 2 * self._most

    @property
    def low(self) -> bool:
        """Whether so few wait here that more should be read."""
        return len(self._waiting) < self._most // 2

    @property
    def any_waiting(self) -> bool:
        """Whether something waits here."""
        return bool(self._waiting)

    @property
    def any_out(self) -> bool:
        """Whether something that was read is not done."""
        with self._changed:
            return self._any_out(self._parts)

    def wait_until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Come back when it is so, or after so long: whether it is so."""
        with self._changed:
            return self._changed.wait_for(true, seconds)

    def stir(self) -> None:
        """Wake who waits, to look again."""
        with self._changed:
            self._changed.notify_all()

    def assigned(self, parts: Iterable[Part]) -> None:
        """They are ours; what was ours before a reconnect and is not now is lost."""
        with self._changed:
            for each in parts:
                self._parts.setdefault(each, Offsets())
            gone, self._before = self._before - set(self._parts), set()
            self._waiting.extend(Lost(*each) for each in sorted(gone))

    def read(self, messages: Sequence[KafkaMessage]) -> None:
        """They have come, oldest first; those of partitions that went meanwhile are passed over."""
        with self._changed:
            by_part = _by_part(messages)
            if gone := by_part.keys() - self._parts.keys():
                messages = [each for each in messages if each.part not in gone]
            for part in by_part.keys() - gone:
                self._parts[part].out(by_part[part])
            self._waiting.extend(messages)

    def give(self, most: int) -> list[Message | Lost]:
        """The oldest that wait here."""
        with self._changed:
            waiting = self._waiting
            if most < len(waiting):
                found: list[Message | Lost] = [waiting.popleft() for _ in range(most)]
            else:
                found = list(waiting)
                waiting.clear()
            self._changed.notify_all()
            return found

    def done(self, messages: Iterable[Message]) -> None:
        """They are; those of partitions that are not ours any more are passed over."""
        with self._changed:
            for part, offsets in _by_part(messages).items():
                if (found := self._parts.get(part)) is not None:
                    found.done(offsets)
            self._changed.notify_all()

    def commits(self) -> list[tuple[str, int, int]]:
        """Topic, partition and offset of what is further than what was said to be committed."""
        with self._changed:
            return [
                (*part, offsets.position)
                for part, offsets in self._parts.items()
                if offsets.position > offsets.committed and offsets.position >= 0
            ]

    def committed(self, commits: Iterable[tuple[str, int, int]]) -> None:
        """The broker knows."""
        with self._changed:
            for topic, partition, offset in commits:
                if (offsets := self._parts.get((topic, partition))) is not None:
                    offsets.committed = max(offsets.committed, offset)

    def settle(self, parts: Collection[Part], seconds: float) -> None:
        """They are to be somebody else's: what waits here is dropped, what was given on is
        waited for, so long."""
        with self._changed:
            self._drop(set(parts))
            self._changed.wait_for(lambda: not self._any_out(parts), seconds)

    def lose(self, parts: Collection[Part]) -> None:
        """They are somebody else's."""
        with self._changed:
            self._drop(set(parts))
            for each in parts:
                self._parts.pop(each, None)
            self._waiting.extend(Lost(*each) for each in sorted(parts))

    def _drop(self, parts: set[Part]) -> None:
        kept: deque[KafkaMessage | Lost] = deque()
        for each in self._waiting:
            if isinstance(each, Lost) or each.part not in parts:
                kept.append(each)
            elif (offsets := self._parts.get(each.part)) is not None:
                offsets.back(each.offset)
        self._waiting = kept

    def _any_out(self, parts: Iterable[Part]) -> bool:
        return any(each in self._parts and self._parts[each].any_out for each in parts)


def _by_part(messages: Iterable[Message]) -> dict[Part, list[int]]:
    found: dict[Part, list[int]] = {}
    last, offsets = None, list[int]()  # they come many of one partition together
    for each in messages:
        if isinstance(each, KafkaMessage):
            if (part := each.part) is not last:
                last, offsets = part, found.setdefault(part, [])
            offsets.append(each.offset)
    return found
