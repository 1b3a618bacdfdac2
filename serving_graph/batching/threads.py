"""Callers that are threads: whoever finds a batch due runs it, the others wait for their answers.

No thread of its own: nothing to start, nothing to stop, and a lone caller never changes threads.
Every wait is on the clock, by a lock that another caller releases.
"""

from __future__ import annotations

from _thread import LockType, allocate_lock
from collections import deque
from collections.abc import Sequence
from typing import Any

from ...handlers.errors import DeadlineExceeded, Overloaded
from ...handlers.failed import Failed
from ..drive import drive
from .batcher import NEVER, Batch, Batcher, Item
from .work import Party, Work


class _Caller(Party):
    """A caller and its lock: held but for the moment between `wake` and its waking."""

    __slots__ = ("latch",)

    def __init__(self) -> None:
        super().__init__(self._release)
        self.latch = allocate_lock()
        self.latch.acquire()

    def _release(self) -> None:
        """Under the lock of `Threads`, so that nobody else releases it in between."""
        if self.latch.locked():
            self.latch.release()


class Threads:
    """A batched step that is called by threads."""

    def __init__(self, work: Work) -> None:
        self._work, self._clock = work, work.clock
        self._batcher: Batcher = work.make()
        self._lock = allocate_lock()
        self._unanswered = 0  # callers
        self._door = deque[_Caller]()  # who waits to be let in
        work.in_flight.told.append(self._poke)

    def depth(self) -> int:
        """How many rows wait."""
        return self._batcher.rows

    def call(self, value: Any, context: Any) -> Any:
        """The value's answer.  Raises its own error, `Overloaded` or `DeadlineExceeded`."""
        caller = _Caller()
        ticket = self._work.ticket(value, context, caller)
        self._enter(caller)
        self._serve(caller)
        return self._work.answer(ticket)

    def many(self, values: Sequence[Any], context: Any) -> list[Any]:
        """Every value's answer, or `Failed` in its place; all of them wait at the same time."""
        caller = _Caller()
        tickets = self._work.tickets(values, context, caller)
        if caller.items:
            try:
                self._enter(caller)
            except (Overloaded, DeadlineExceeded) as error:
                return [Failed(error)] * len(values)
            self._serve(caller)
        return [self._work.outcome(each) for each in tickets]

    def _enter(self, caller: _Caller) -> None:
        """Put the caller's items where they wait, when there is room."""
        while not self._entered(caller):
            self._wait(caller.latch, caller.expires)
            with self._lock:
                if caller in self._door:
                    self._door.remove(caller)
                if self._clock.now() >= caller.expires:
                    self._open_door()
                    raise self._work.too_late(caller)

    def _entered(self, caller: _Caller) -> bool:
        with self._lock:
            if self._batcher.full:
                if self._work.refuse:
                    raise self._work.overloaded(self._batcher, caller)
                self._door.append(caller)
                return False
            now = self._clock.now()
            for item in caller.items:
                self._batcher.put(item, now)
            self._unanswered += 1
            if self._work.key_of is not None:
                self._wake_next()  # an item of the same key may be due earlier now
            self._open_door()
        return True

    def _serve(self, caller: _Caller) -> None:
        """Run what is due, or wait, until nothing of the caller's is left."""
        try:
            while caller.left:
                batch, until = self._turn(caller)
                if batch is not None:
                    self._run(batch)
                elif until is not None:
                    self._wait(caller.latch, until)
        finally:
            if caller.left:
                self._leave(caller)

    def _turn(self, caller: _Caller) -> tuple[Batch | None, float | None]:
        """A batch to run, or until when to wait; (None, None) when all is answered."""
        with self._lock:
            now = self._clock.now()
            for item in self._batcher.expired(now):
                self._work.expire(item, now)
                self._answered(item)
                self._open_door()
            if not caller.left:
                return None, None
            batch = self._batcher.take(now, self._company())
            if batch is not None:
                self._open_door()
                return batch, None
            until, ahead = caller.expires, self._batcher.next(self._company())
            if ahead is not None and ahead.item.owner.party is caller:
                until = min(until, ahead.when)
            return None, until

    def _run(self, batch: Batch) -> None:
        try:
            drive(self._work.run(batch))
        finally:
            with self._lock:
                self._work.close(batch)
                for item in batch.items:
                    self._answered(item)
                self._batcher.done(batch, self._clock.now())
                self._wake_next()

    def _answered(self, item: Item) -> None:
        self._unanswered -= item.owner.party.answered()

    def _leave(self, caller: _Caller) -> None:
        """Take out what is left when its caller goes without its answer (an interrupt)."""
        with self._lock:
            caller.left = 0
            self._unanswered -= 1
            for item in caller.items:
                self._batcher.leave(item)
            self._open_door()
            self._wake_next()

    def _open_door(self) -> None:
        if self._door and not self._batcher.full:
            self._door.popleft().wake()

    def _poke(self) -> None:
        """Somebody has left the graph: who waited for them alone need not any more."""
        if self._unanswered and not self._company():
            with self._lock:
                self._wake_next()

    def _wake_next(self) -> None:
        ahead = self._batcher.next(self._company())
        if ahead is not None:
            ahead.item.owner.party.wake()

    def _company(self) -> bool:
        """Whether somebody may come: one who is inside the graph, and would find room."""
        if self._batcher.full:
            return False
        return self._work.in_flight.count > self._unanswered

    def _wait(self, latch: LockType, until: float) -> None:
        seconds = None if until == NEVER else max(0.0, until - self._clock.now())
        self._clock.lapse(latch, seconds)
