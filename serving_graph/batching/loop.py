"""Callers that are tasks of one event loop: a batch goes at the end of the turn in which it is due.

A turn's end, not at once: what the loop has ready now is put together, and no time has passed.
Every loop that calls has a lane of its own, so nothing of a loop that has ended is in the way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...handlers.errors import DeadlineExceeded, Overloaded
from ...handlers.failed import Failed
from ..drive import drive
from .batcher import NEVER, RUNNING, Batch, Batcher, Item
from .work import Party, Work

if TYPE_CHECKING:
    import asyncio


class Loops:
    """A batched step that is called by tasks.

    waits: whether its own steps wait (async); such a batch is a task of its own
    """

    def __init__(self, work: Work, *, waits: bool) -> None:
        self._work, self._waits = work, waits
        self._lanes: dict[Any, _Lane] = {}
        work.in_flight.told.append(self._poke)

    def depth(self) -> int:
        """How many rows wait."""
        return sum(each.batcher.rows for each in self._lanes.values())

    async def call(self, value: Any, context: Any) -> Any:
        """The value's answer.  Raises its own error, `Overloaded` or `DeadlineExceeded`."""
        lane = self._lane()
        caller = lane.caller()
        ticket = self._work.ticket(value, context, caller)
        await lane.serve(caller)
        return self._work.answer(ticket)

    async def many(self, values: Sequence[Any], context: Any) -> list[Any]:
        """Every value's answer, or `Failed` in its place; all of them wait at the same time."""
        lane = self._lane()
        caller = lane.caller()
        tickets = self._work.tickets(values, context, caller)
        if caller.items:
            try:
                await lane.serve(caller)
            except (Overloaded, DeadlineExceeded) as error:
                return [Failed(error)] * len(values)
        return [self._work.outcome(each) for each in tickets]

    def _lane(self) -> _Lane:
        import asyncio

        loop = asyncio.get_running_loop()
        lane = self._lanes.get(loop)
        if lane is None:
            self._lanes = {old: each for old, each in self._lanes.items() if not old.is_closed()}
            lane = self._lanes[loop] = _Lane(loop, self._work, self._waits)
        return lane

    def _poke(self) -> None:
        """Somebody has left the graph: who waited for them alone need not any more."""
        for lane in self._lanes.values():
            lane.poke()


class _Caller(Party):
    """A caller and its future."""

    __slots__ = ("future",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(self._resolve)
        self.future: asyncio.Future[None] = loop.create_future()

    def _resolve(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


class _Lane:
    """The callers and batches of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Work, waits: bool) -> None:
        self._loop, self._work, self._waits = loop, work, waits
        self._clock = work.clock
        self.batcher: Batcher = work.make()
        self._unanswered = 0  # callers
        self._door = deque[_Caller]()  # who waits to be let in
        self._stirred = False
        self._timer: asyncio.Task[None] | None = None
        self._rings = NEVER  # when the timer does
        self._tasks = set[Any]()

    def caller(self) -> _Caller:
        return _Caller(self._loop)

    async def serve(self, caller: _Caller) -> None:
        """Until nothing of the caller's is left.  A caller that is cancelled leaves its batch."""
        while self.batcher.full:
            await self._stand_at_door(caller)
        now = self._clock.now()
        for item in caller.items:
            self.batcher.put(item, now)
        self._unanswered += 1
        self._open_door()
        self._stir()
        try:
            await caller.future
        finally:
            if caller.left:
                self._leave(caller)

    async def _stand_at_door(self, caller: _Caller) -> None:
        if self._work.refuse:
            raise self._work.overloaded(self.batcher, caller)
        self._door.append(caller)
        self._stir()  # so that somebody watches the deadline
        try:
            await caller.future
        except BaseException:  # cancelled
            if caller in self._door:
                self._door.remove(caller)
            else:
                self._open_door()  # let in and gone: the next one's turn
            raise
        caller.future = self._loop.create_future()
        if self._clock.now() >= caller.expires:
            self._open_door()
            raise self._work.too_late(caller)

    def _open_door(self) -> None:
        if self._door and not self.batcher.full:
            self._door.popleft().wake()

    def _leave(self, caller: _Caller) -> None:
        caller.left = 0
        self._unanswered -= 1
        for item in caller.items:
            running = item.state is RUNNING
            self.batcher.leave(item)
            batch = item.batch
            if running and batch is not None and batch.deserted and batch.task is not None:
                batch.task.cancel()
        self._open_door()
        self._stir()

    def poke(self) -> None:
        if self._unanswered and not self._company():
            self._stir()

    def _stir(self) -> None:
        """See at the end of this turn what is due.  (From another thread too: its events leave
        the same graph.)"""
        if not self._stirred and not self._loop.is_closed():
            self._stirred = True
            self._loop.call_soon_threadsafe(self._see)

    def _see(self) -> None:
        self._stirred = False
        now = self._clock.now()
        for item in self.batcher.expired(now):
            self._work.expire(item, now)
            self._answered(item)
            self._open_door()
        for caller in [each for each in self._door if each.expires <= now]:
            self._door.remove(caller)
            caller.wake()
        while (batch := self.batcher.take(now, self._company())) is not None:
            self._open_door()
            self._begin(batch)
        self._set_timer(now)

    def _begin(self, batch: Batch) -> None:
        if not self._waits:
            try:
                drive(self._work.run(batch))
            finally:
                self._end(batch)
            return
        batch.task = self._loop.create_task(self._work.run(batch))
        self._tasks.add(batch.task)
        # Not in a `finally` of the task: one that is cancelled before it began has none.
        batch.task.add_done_callback(lambda task: self._over(batch, task))

    def _over(self, batch: Batch, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._end(batch)

    def _end(self, batch: Batch) -> None:
        self._work.close(batch)
        for item in batch.items:
            self._answered(item)
        self.batcher.done(batch, self._clock.now())
        self._stir()

    def _answered(self, item: Item) -> None:
        self._unanswered -= item.owner.party.answered()

    def _set_timer(self, now: float) -> None:
        ahead = self.batcher.next(self._company())
        rings = min(ahead.when if ahead else NEVER, self.batcher.expiry)
        rings = min([rings, *(each.expires for each in self._door)])
        if rings == self._rings:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._rings, self._timer = rings, None
        if rings != NEVER:
            self._timer = self._loop.create_task(self._ring(rings - now))

    async def _ring(self, seconds: float) -> None:
        await self._clock.wait(max(0.0, seconds))
        self._rings, self._timer = NEVER, None
        self._stir()

    def _company(self) -> bool:
        """Whether somebody may come: one who is inside the graph, and would find room."""
        if self.batcher.full:
            return False
        return self._work.in_flight.count > self._unanswered
