"""The messages that wait: each in its lane, and who goes next.

A lane hands out its messages one batch after the other; a message without a lane is one by itself.
Suspects, who were in a batch that failed as a whole or that come again because a worker died with
them, travel only among themselves, in batches no larger than each of them may be in.  Nothing here
knows what a failure is.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count

from ..message import Message
from .rules import Rules


class Held:
    """A message that was taken from the broker and is not yet acknowledged.

    since:  when it came;  due: from when on it may be handed out
    tries:  how often it has failed;  pauses: how often it came back without being blamed
    limit:  the largest batch that it may be in; 0 for any
    leased: when its lease began;  batch: the number of the batch that it is in, 0 for none
    lane:   where it waits, or waited
    lost:   it is somebody else's now: no word of it to the broker any more
    """

    __slots__ = (
        "batch", "due", "lane", "leased", "limit", "lost", "message", "pauses", "since", "tries"
    )  # fmt: skip
    lane: Lane

    def __init__(self, message: Message, now: float, limit: int) -> None:
        self.message, self.since, self.due, self.leased = message, now, now, now
        self.tries, self.pauses, self.limit = 0, 0, limit
        self.batch, self.lost = 0, False


class Lane:
    """Messages of one order; `busy` while a batch has some of it, `queued` while it is in line."""

    __slots__ = ("busy", "name", "queued", "waiting")

    def __init__(self, name: str) -> None:
        self.name, self.waiting = name, deque[Held]()
        self.busy = self.queued = False


class Lanes:
    """Who waits, and who goes next.  All times are the caller's."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._lanes: dict[str, Lane] = {}
        self._fresh: deque[Lane] = deque()
        self._suspects: deque[Lane] = deque()
        self._delayed: list[tuple[float, int, Lane]] = []
        self._order = count()

    def add(self, held: Held, now: float) -> None:
        """Behind all others of its lane."""
        lane = held.lane = self._lane(held.message)
        lane.waiting.append(held)
        self._line_up(lane, now)

    def put_back(self, lane: Lane, back: Sequence[Held], now: float) -> None:
        """A batch is over: `back` come again, before all others of the lane that they are of."""
        if back:
            lane.waiting.extendleft(reversed(back))
        lane.busy = False
        self._line_up(lane, now)

    def take(self, now: float) -> list[Held]:
        """The next batch; empty when there is none yet."""
        if self._delayed:
            self._wake(now)
        if self._suspects:
            found = self._form(self._suspects, now, suspects=True)
            if found:
                return found
        ripe = self._ripe_at(now)
        if ripe is None or ripe > now:
            return []
        return self._form(self._fresh, now, suspects=False)

    def next_due(self, now: float) -> float | None:
        """When `take` will have something, if nothing comes and nothing ends before."""
        dues = [self._delayed[0][0]] if self._delayed else []
        ripe = now if self._suspects else self._ripe_at(now)
        if ripe is not None:
            dues.append(ripe)
        return min(dues, default=None)

    def waiting(self) -> Iterator[Held]:
        """All who wait, lane by lane, each in its order."""
        for lane in self._lanes.values():
            yield from lane.waiting

    def drop(self, gone: set[str]) -> None:
        """Those ids wait no longer."""
        for lane in list(self._lanes.values()):
            if any(each.message.id in gone for each in lane.waiting):
                lane.waiting = deque(each for each in lane.waiting if each.message.id not in gone)
                self._tidy(lane)

    # -- who is in line
    def _lane(self, message: Message) -> Lane:
        name = message.lane
        if not (name and self._rules.ordered):
            name = f"\0{message.id}"
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name)
        return lane

    def _line_up(self, lane: Lane, now: float) -> None:
        if lane.busy or lane.queued:
            return
        if not lane.waiting:
            return self._tidy(lane)
        lane.queued = True
        head = lane.waiting[0]
        if head.due > now:
            heapq.heappush(self._delayed, (head.due, next(self._order), lane))
        else:
            (self._suspects if head.limit else self._fresh).append(lane)

    def _tidy(self, lane: Lane) -> None:
        if not lane.waiting and not lane.busy and not lane.queued:
            self._lanes.pop(lane.name, None)

    def _wake(self, now: float) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            lane = heapq.heappop(self._delayed)[2]
            lane.queued = False
            self._line_up(lane, now)

    # -- who goes together
    def _ripe_at(self, now: float) -> float | None:
        """When a batch of the fresh may go: now if it is full, or one of them has waited before;
        else when its window is over."""
        if not self._fresh:
            return None
        if not self._rules.window:
            return now
        together, oldest = 0, now
        for lane in self._fresh:
            head = lane.waiting[0] if lane.waiting else None
            if head is not None:
                together += len(lane.waiting)
                oldest = min(oldest, head.since)
            if together >= self._rules.batch or (head is not None and head.tries):
                return now
        return oldest + self._rules.window if together else None

    def _form(self, line: deque[Lane], now: float, *, suspects: bool) -> list[Held]:
        chosen: list[Held] = []
        load = _Load(self._rules)
        while line and load.has_room:
            lane = line.popleft()
            lane.queued = False
            before = len(chosen)
            while lane.waiting and _fits(lane.waiting[0], now, suspects):
                if not load.takes(lane.waiting[0]):
                    load.has_room = False
                    break
                chosen.append(lane.waiting.popleft())
            lane.busy = len(chosen) > before
            if not lane.busy:
                # The head is too much for what is left, or is not of this line (any more).
                self._back_in_line(lane, line, now)
        return chosen

    def _back_in_line(self, lane: Lane, line: deque[Lane], now: float) -> None:
        self._line_up(lane, now)
        if line and line[-1] is lane and len(line) > 1:
            line.pop()
            line.appendleft(lane)


class _Load:
    """What a batch still takes."""

    def __init__(self, rules: Rules) -> None:
        self._limit, self._bytes, self._most = rules.batch, 0, rules.most_bytes
        self._count, self.has_room = 0, True

    def takes(self, held: Held) -> bool:
        """Whether it may join; it has, when this says so."""
        limit = min(self._limit, held.limit) if held.limit else self._limit
        size = len(held.message.body)
        if self._count and (
            self._count >= limit or (self._most and self._bytes + size > self._most)
        ):
            return False
        self._count, self._limit, self._bytes = self._count + 1, limit, self._bytes + size
        self.has_room = self._count < limit
        return True


def _fits(held: Held, now: float, suspects: bool) -> bool:
    return bool(held.limit) is suspects and held.due <= now
