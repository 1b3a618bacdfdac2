"""The work of one shard as a table: what may be handed to the function, and what came of it.

Records go into lanes by their key; a lane has one batch under way at a time and keeps its order.
A batch that fails is cut, tried again or given up by the mapping's rules; the shard's position is
the last record before which everything is done or given up.  No socket, no clock and no source is
here: who calls says what time it is.  Source: AWS's pages on Kinesis and DynamoDB mappings.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

FIRST_PAUSE, LONGEST_PAUSE, LONGEST_THROTTLE = 1.0, 60.0, 8.0
PAYLOAD_MOST = 6 * 1024 * 1024 - 64 * 1024  # bytes of records in one event
EXHAUSTED, AGED = "RetryAttemptsExhausted", "RecordAgeExceeded"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a shard.

    key:     what order is kept by;  arrival: seconds since the epoch
    event:   as the function gets it;  size: bytes of that
    """

    sequence: str
    key: str
    arrival: float
    event: dict[str, Any]
    size: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """How a mapping wants batches made and failures met; -1 is without end."""

    batch_size: int = 100
    window_s: float = 0.0
    lanes: int = 1
    bisect: bool = False
    retries: int = -1
    age_s: int = -1
    tumbling_s: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in order, and how often they were tried again after a failure."""

    records: tuple[Record, ...]
    retries: int = 0
    invoked: int = 0


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A batch that goes to the on-failure destination; `invoked`: how often it was tried."""

    records: tuple[Record, ...]
    condition: str
    invoked: int


@dataclass(slots=True)
class Lane:
    """One ordered way through a shard.

    again: batches to be tried again, the next one last (a cut batch leaves two)
    since: when the oldest record that waits came in
    """

    waiting: deque[Record] = field(default_factory=deque)
    again: list[Batch] = field(default_factory=list)
    under_way: Batch | None = None
    not_before: float = 0.0
    since: float = 0.0
    throttles: int = 0


class Shard:
    """One shard's records between being read and being done.

    >>> shard = Shard(Rules(batch_size=2, bisect=True, retries=0))
    >>> shard.add([Record(str(n), "k", 0.0, {}) for n in range(3)], now=0.0)
    >>> ((lane, batch),) = shard.ready(0.0)
    >>> [each.sequence for each in batch.records], shard.failed(lane, 0, now=0.0)
    (['0', '1'], None)
    >>> ((lane, batch),) = shard.ready(0.0)
    >>> shard.done(lane), shard.position
    (None, '0')
    """

    def __init__(self, rules: Rules, position: str = "") -> None:
        self.rules = rules
        self.position = position
        self.lanes = [Lane() for _ in range(rules.lanes)]
        # Every record that is read and not done, in the shard's order; True when it is done.
        self._order: deque[list[Any]] = deque()
        self._marks: dict[str, list[Any]] = {}

    # -- what comes in
    def add(self, records: Iterable[Record], now: float) -> None:
        """Records that were read, in the shard's order."""
        for record in records:
            self._note(record.sequence, False)
            lane = self.lanes[_lane_of(record.key, len(self.lanes))]
            if not lane.waiting:
                lane.since = now
            lane.waiting.append(record)

    def skip(self, sequence: str) -> None:
        """A record that was read and that the filters do not want."""
        self._note(sequence, True)
        self._settle()

    @property
    def held(self) -> int:
        """How many records are read and not done."""
        return len(self._marks)

    @property
    def at_rest(self) -> bool:
        return not self._marks

    # -- what goes out
    def ready(self, now: float) -> Iterator[tuple[Lane, Batch]]:
        """Each lane that may hand over a batch now, and the batch, which is under way then."""
        for lane in self.lanes:
            if lane.under_way is None and now >= lane.not_before:
                batch = lane.again.pop() if lane.again else self._fresh(lane, now)
                if batch is not None:
                    lane.under_way = batch
                    yield lane, batch

    def too_old(self, lane: Lane, now: float) -> GivenUp | None:
        """Take from the batch under way what is older than the mapping allows."""
        batch, most = lane.under_way, self.rules.age_s
        if batch is None or most < 0:
            return None
        old = 0
        while old < len(batch.records) and now - batch.records[old].arrival > most:
            old += 1
        if not old:
            return None
        given_up = GivenUp(batch.records[:old], AGED, batch.invoked)
        rest = batch.records[old:]
        lane.under_way = replace(batch, records=rest) if rest else None
        return given_up

    def due(self, now: float) -> float | None:
        """When a lane that is free may next have something ready; None when none has."""
        times = [
            max(now, lane.not_before) if lane.again else lane.since + self.rules.window_s
            for lane in self.lanes
            if lane.under_way is None and (lane.again or lane.waiting)
        ]
        return min(times, default=None)

    # -- what came of it
    def done(self, lane: Lane) -> None:
        """The batch under way succeeded."""
        batch = _under_way(lane)
        lane.under_way, lane.throttles = None, 0
        self.finish(batch.records)

    def finish(self, records: Iterable[Record]) -> None:
        """These are done, or in the destination."""
        for each in records:
            self._marks.pop(each.sequence)[1] = True
        self._settle()

    def failed(self, lane: Lane, first: int, now: float) -> GivenUp | None:
        """The batch under way failed from its record `first` on (0: all of it).

        What is given up goes to the destination and is then told to `finish`.
        """
        batch = _under_way(lane)
        lane.under_way, lane.throttles = None, 0
        self.finish(batch.records[:first])
        rest = replace(batch, records=batch.records[first:], invoked=batch.invoked + 1)
        if self.rules.bisect and first:
            lane.again.append(rest)
        elif self.rules.bisect and len(rest.records) > 1:
            # Cutting costs none of the retries.
            half = len(rest.records) // 2
            lane.again.append(replace(rest, records=rest.records[half:]))
            lane.again.append(replace(rest, records=rest.records[:half]))
        elif 0 <= self.rules.retries <= batch.retries:
            return GivenUp(rest.records, EXHAUSTED, rest.invoked)
        else:
            lane.again.append(replace(rest, retries=batch.retries + 1))
            lane.not_before = now + pause(batch.retries)
        return None

    def throttled(self, lane: Lane, now: float) -> None:
        """The function could not be called: the batch waits, and no retry is used up."""
        lane.again.append(_under_way(lane))
        lane.under_way = None
        lane.not_before = now + min(pause(lane.throttles), LONGEST_THROTTLE)
        lane.throttles += 1

    # -- parts
    def _fresh(self, lane: Lane, now: float) -> Batch | None:
        """The next batch of a lane's waiting records, when it is full or its window is over."""
        count, full = self._fitting(lane)
        if not count or not (full or now >= lane.since + self.rules.window_s):
            return None
        records = tuple(lane.waiting.popleft() for _ in range(count))
        lane.since = now
        return Batch(records)

    def _fitting(self, lane: Lane) -> tuple[int, bool]:
        """How many waiting records make one batch, and whether no further one could be in it."""
        size, count = 0, 0
        span = self.rules.tumbling_s
        for record in lane.waiting:
            size += record.size
            other = span and window_of(record.arrival, span) != window_of(
                lane.waiting[0].arrival, span
            )
            if count and (size > PAYLOAD_MOST or other):
                return count, True
            count += 1
            if count >= self.rules.batch_size:
                return count, True
        return count, False

    def _note(self, sequence: str, done: bool) -> None:
        mark = [sequence, done]
        self._order.append(mark)
        if not done:
            self._marks[sequence] = mark

    def _settle(self) -> None:
        while self._order and self._order[0][1]:
            self.position = self._order.popleft()[0]


def window_of(arrival: float, span: int) -> int:
    """The start of the tumbling window that a record belongs to.

    >>> window_of(125.5, 60)
    120
    """
    return int(arrival // span) * span


def pause(times: int) -> float:
    """How long to wait after so many failures: a second, then twice as long each time.

    >>> [pause(n) for n in (0, 1, 2, 10)]
    [1.0, 2.0, 4.0, 60.0]
    """
    return float(min(FIRST_PAUSE * 2.0 ** min(times, 10), LONGEST_PAUSE))


def _lane_of(key: str, lanes: int) -> int:
    if lanes == 1:
        return 0
    return int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest()[:4]) % lanes


def _under_way(lane: Lane) -> Batch:
    if lane.under_way is None:
        raise RuntimeError("no batch of this lane is under way")
    return lane.under_way
