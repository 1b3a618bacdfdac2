"""The messages that wait: each in its lane, and who goes next.

A lane hands out its messages one batch after the other; a message without a lane is one by itself.
Suspects, who were in a batch that failed as a whole or that come again because a worker died with
them, travel only among themselves, in batches no larger than each of them may be in.  Nothing here
knows what a failure is.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from ..message import Message
from .rules import Rules


class Held:
    """A message that was taken from the broker and is not yet acknowledged.

    since:  when it came;  due: from when on it may be handed out
    tries:  how often it has failed;  pauses: how often it came back without being blamed
    begun:  how often it was begun on, and nobody told how it went with it: by workers that ended,
            as the broker counts, or among others that failed together
    limit:  the largest batch that it may be in; 0 for any
    leased: when its lease began;  batch: the number of the batch that it is in, 0 for none
    lane:   where it waits, or waited
    lost:   it is somebody else's now: no word of it to the broker any more
    """

    # What most messages never change stands at the class: one is made for every message.
    due = 0.0
    tries = pauses = begun = limit = batch = 0
    lost = False
    lane: Lane

    def __init__(self, message: Message, now: float) -> None:
        self.message = message
        self.since = self.leased = now


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
        if not lane.queued:
            self._line_up(lane, now)

    @property
    def empty(self) -> bool:
        """Whether nobody waits, and no batch is out."""
        return not self._lanes

    def claim(self, batch: Sequence[Held]) -> None:
        """They are out as a batch, though they never waited here."""
        for held in batch:
            held.lane = self._lane(held.message)
            held.lane.busy = True

    def put_back(self, lane: Lane, back: Sequence[Held], now: float) -> None:
        """A batch is over: `back` come again, before all others of the lane that they are of."""
        if back:
            lane.waiting.extendleft(reversed(back))
        lane.busy = False
        self._line_up(lane, now)

    def over(self, batch: Sequence[Held], back: Mapping[Lane, Sequence[Held]], now: float) -> None:
        """The same for all lanes that a batch was of."""
        for lane in dict.fromkeys([each.lane for each in batch]):
            self.put_back(lane, back.get(lane, ()), now)

    def take(self, now: float) -> list[Held]:
        """The next batch; empty when there is none yet."""
        if self._delayed:
            self._wake(now)
        if self._suspects:
            found = self._form(self._suspects, now, suspects=True)
            if found:
                return found
        if self._rules.window:
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
        # Every message comes through here: no call is made for one.
        chosen: list[Held] = []
        room, most, size = self._rules.batch, self._rules.most_bytes, 0
        while line and len(chosen) < room:
            lane = line.popleft()
            lane.queued = False
            before, waiting = len(chosen), lane.waiting
            while waiting and len(chosen) < room:
                head = waiting[0]
                if (head.limit > 0) is not suspects or head.due > now:
                    break
                if suspects and (room := min(room, max(head.limit, 1))) <= len(chosen):
                    break
                if most and (size := size + len(head.message.body)) > most and chosen:
                    room = 0
                    break
                chosen.append(waiting.popleft())
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
