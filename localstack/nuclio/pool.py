"""The workers of one trigger: who is free, how long to wait for one, what replaces a dead one.

Every trigger gives its events here, one by one or in batches, and hears what the function answers
and what it acknowledges by itself.  A pool may be without workers for a while (a function that is
scaled to zero): who comes then has it woken, and waits.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..clock import MACHINE, Timer
from . import wire
from .recorded import Note
from .statistics import Statistics
from .work import Event, Work
from .worker import Worker, WorkerFailed, WorkerTimedOut

Free = tuple[int, Worker]


class NoWorker(Exception):
    """No worker was free within the trigger's waiting time."""


class Pool:
    """A number of workers, each with one event, or one batch, at a time.

    make:       a new worker, not started
    size:       how many of them
    wait:       seconds that an event waits for a free worker
    ready_in:   seconds a worker may take to start
    timeout:    seconds an event may take; None without a limit
    end_in:     seconds a worker may take to drain and terminate
    warn:       told what the function's log should say
    note:       told of each call: events, responses, seconds
    """

    def __init__(
        self,
        make: Callable[[int], Worker],
        size: int,
        *,
        wait: float,
        ready_in: float,
        timeout: float | None,
        end_in: float,
        warn: Callable[[str], None] = lambda message: None,
        note: Note | None = None,
    ) -> None:
        self._note = note
        self._end_in, self._closed, self._warn = end_in, False, warn
        self._make, self.wait, self._ready_in, self._timeout = make, wait, ready_in, timeout
        self._free: deque[Free] = deque()
        self._waiters: deque[Work] = deque()  # the first come first
        self._waiting: set[Work] = set()  # these, and those who wait for workers to be woken
        self._sweep: Timer | None = None
        self._size = size
        self._workers: dict[int, Worker] = {}
        self._beginning: set[asyncio.Task[None]] = set()  # those that take a dead one's place
        self._waking: set[asyncio.Task[None]] = set()  # for workers to be woken
        self._lost: set[Worker] = set()  # those whose place another takes, when they have ended
        self._surplus: set[Worker] = set()  # those that are ending because they are too many
        self.restarts = 0
        self.statistics = Statistics()
        self._nobody_waits = asyncio.Event()
        self._nobody_waits.set()
        self._began = time.monotonic()
        self._ticks: Timer | None = None
        # Called with what the function acknowledges by itself (explicit acknowledgement).
        self.on_ack: Callable[[wire.Ack], None] = lambda ack: None
        # Called when an event comes; what it gives is waited for before a worker is looked for.
        self.on_event: Callable[[], Awaitable[None] | None] | None = None

    # -- its workers
    async def start(self) -> None:
        """Start every worker; raises what the first failing one raised."""
        await asyncio.gather(*(self._begin(number) for number in range(self._size)))

    @property
    def size(self) -> int:
        """How many workers there are to be."""
        return self._size

    @property
    def busy(self) -> int:
        """How many events are in hand, or wait for a worker."""
        return sum(each.began > 0 for each in self._workers.values()) + len(self._waiting)

    @property
    def is_short(self) -> bool:
        """Whether more events wait for a worker than there are free ones."""
        return len(self._waiting) > len(self._free)

    async def resize(self, size: int) -> None:
        """Have so many workers: new ones are started, and those that are too many end, each after
        the event in hand.  Raises what a new one raised that does not start."""
        had, self._size = self._size, size
        surplus = [self._workers.pop(n) for n in range(size, had) if n in self._workers]
        self._free = deque(each for each in self._free if each[0] < size)
        new = [n for n in range(size) if n not in self._workers]
        await asyncio.gather(
            *(self._begin(number) for number in new), *(self._let_go(each) for each in surplus)
        )

    async def _let_go(self, worker: Worker) -> None:
        self._surplus.add(worker)
        await worker.end(self._end_in)
        self._surplus.discard(worker)

    async def _begin(self, number: int) -> None:
        """Start a worker; one that is killed as it starts is started once more, as a pod is."""
        worker = self._worker_at(number)
        try:
            await worker.start(self._ready_in)
        except WorkerFailed as failed:
            wanted = self._workers.get(number) is worker and not self._closed
            if not (failed.killed and wanted):
                raise
            worker = self._worker_at(number)
            await worker.start(self._ready_in)
        self._release((number, worker))

    def _worker_at(self, number: int) -> Worker:
        worker = self._workers[number] = self._make(number)
        worker.on_free = partial(self._release, (number, worker))
        return worker

    def _release(self, free: Free) -> None:
        """A worker has nothing to do: it is given what waits, or is free."""
        if self._workers.get(free[0]) is not free[1]:
            return  # it is one too many
        while self._waiters:
            work = self._waiters.popleft()
            if work.answer.done():
                continue
            if not self._hand(free, work):
                self._waiters.appendleft(work)
            return
        self._free.append(free)

    # -- events
    def ask(self, event: Event | Sequence[Event]) -> Work:
        """Have a worker asked, now or when it is this event's turn: `answered` then says what."""
        work = Work(event)
        self._waiting.add(work)
        self._nobody_waits.clear()
        ready = self.on_event() if self.on_event is not None else None
        if ready is None:
            self._place(work)
        else:
            task = asyncio.get_running_loop().create_task(self._place_when(ready, work))
            self._waking.add(task)
            task.add_done_callback(self._waking.discard)
        return work

    def answered(
        self, work: Work, event: Event | Sequence[Event], count: int = 1
    ) -> list[wire.Reply]:
        """The responses, when `work.answer` is there.  Raises ValueError for what is none."""
        try:
            found = wire.replies(work.answer.result())
        except ValueError:
            self.statistics.add(work.took, failed=True, events=count)
            raise
        failed = any(each.status >= 400 for each in found)
        self.statistics.add(work.took, failed=failed, events=count)
        if self._note is not None:
            self._note(event, found, work.took)
        return found

    async def answer(
        self, work: Work, event: Event | Sequence[Event], count: int = 1
    ) -> list[wire.Reply]:
        """Wait for the responses.

        Raises `NoWorker`, `WorkerFailed`, `WorkerTimedOut`; a worker that is lost is replaced.
        Raises ValueError for an answer that is no response.
        """
        try:
            await work.answer
        except BaseException as error:
            lost = isinstance(error, WorkerFailed | WorkerTimedOut)
            if lost:
                self.statistics.add(time.monotonic() - work.began, failed=True, events=count)
            if work.place is not None and (lost or work.place[1].has(work)):
                await work.place[1].stop()
                self._replace(*work.place)
            raise
        finally:
            self._waits_no_more(work)
        return self.answered(work, event, count)

    async def call(self, event: Event) -> tuple[wire.Reply, list[dict[str, Any]]]:
        """The worker's reply and the log records of the event.  Raises as `answer`.

        Of a reply that comes piece by piece it is the first piece.
        """
        work = self.ask(event)
        found = await self.answer(work, event)
        if work.stream is not None:
            work.stream.discard()
        return first(found), work.records

    async def call_batch(self, events: Sequence[Event]) -> dict[str, wire.Reply]:
        """The responses to a batch, by the `id` of the event that each is for.

        An event may have none: a response without `event_id` is dropped, with a warning in the
        function's log.  A single response that names no event (a handler that failed as a whole)
        stands for all of them.  Raises as `call`.
        """
        batch = list(events)
        work = self.ask(batch)
        found = await self.answer(work, batch, len(batch))
        if work.stream is not None:
            work.stream.discard()
        named, without = wire.by_event(found)
        if not named and len(found) == 1 and found[0].status >= 400:
            return {str(each["id"]): found[0] for each in events}
        for _ in range(without):
            self._warn("Received response with empty event_id, response won't be returned")
        for each in named.keys() - {event["id"] for event in events}:
            # An id that is bytes comes as "b'…'": it was not decoded.
            self._warn(f"Received response for {each}, which is no event of the batch")
        return named

    async def _place_when(self, ready: Awaitable[None], work: Work) -> None:
        try:
            await ready
        except Exception as error:
            work.fail(error)
        else:
            self._place(work)

    def _place(self, work: Work) -> None:
        """Give the work to a free worker, or have it wait for one."""
        if self._closed:
            work.fail(NoWorker())
        if work.answer.done():
            return
        while self._free:
            if self._hand(self._free.popleft(), work):
                return
        now = time.monotonic()
        work.due = now + self.wait
        self._waiters.append(work)
        if self._sweep is None:
            self._sweep = MACHINE.call_later(work.due - now, self._give_up)

    def _hand(self, free: Free, work: Work) -> bool:
        """Whether the worker has taken it; one that has died meanwhile is replaced instead."""
        number, worker = free
        if not worker.alive:
            self._replace(number, worker)
            return False
        self._waits_no_more(work)
        work.place = free
        worker.take(work)
        if self._timeout is not None and self._ticks is None:
            self._tick_later(self._timeout)
        return True

    def _waits_no_more(self, work: Work) -> None:
        self._waiting.discard(work)
        if not self._waiting:
            self._nobody_waits.set()

    def _give_up(self) -> None:
        """Those who have waited for too long are told; one timer serves all who wait."""
        self._sweep = None
        now = time.monotonic()
        while self._waiters and (self._waiters[0].due <= now or self._waiters[0].answer.done()):
            work = self._waiters.popleft()
            if not work.answer.done():
                self.statistics.failure += 1
                work.fail(NoWorker())
        if self._waiters:
            self._sweep = MACHINE.call_later(self._waiters[0].due - now, self._give_up)

    # -- too long, dead, at an end
    def _tick_later(self, timeout: float) -> None:
        """The next of the times at which events in hand are looked at, every `timeout` seconds.

        So an event that takes too long is ended between one and two timeouts after its beginning.
        Source: Nuclio's public event timeout watcher.
        """
        due = timeout - (time.monotonic() - self._began) % timeout
        self._ticks = MACHINE.call_later(due, lambda: self._tick(timeout))

    def _tick(self, timeout: float) -> None:
        self._ticks = None
        now = time.monotonic()
        at_work = [each for each in self._workers.values() if each.began]
        for each in at_work:
            if now - each.began > timeout:
                each.expire()
        if at_work:
            self._tick_later(timeout)

    def _replace(self, number: int, worker: Worker) -> None:
        if self._closed or self._workers.get(number) is not worker or worker in self._lost:
            return
        self._lost.add(worker)
        self.restarts += 1
        task = asyncio.get_running_loop().create_task(self._begin_again(number, worker))
        self._beginning.add(task)
        task.add_done_callback(self._has_begun)

    async def _begin_again(self, number: int, lost: Worker) -> None:
        await lost.stop()
        self._lost.discard(lost)
        if self._workers.get(number) is lost:
            await self._begin(number)

    def _has_begun(self, task: asyncio.Task[None]) -> None:
        self._beginning.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The pool is smaller from now on.
            self._warn(f"a worker that ended could not be started again: {error}")

    async def drain(self) -> None:
        """Have every worker finish what it holds, as when its share of a stream goes to another
        (a rebalance).  Give no event then, until `resume`.  Raises TimeoutError."""
        await asyncio.gather(*(each.drain(self._end_in) for each in self._workers.values()))

    async def resume(self) -> None:
        """The workers take events again after `drain`."""
        await asyncio.gather(*(each.resume() for each in self._workers.values()))

    async def served(self) -> None:
        """Come back when no event waits for a worker any more."""
        await self._nobody_waits.wait()

    async def close(self, *, serve: bool = True) -> None:
        """End every worker, all at once; those that take too long are killed.

        serve: events that wait for a worker have theirs first; nobody sends new ones any more,
        and none waits for longer than `wait`
        """
        if serve:
            await self.served()
        self._closed = True
        for timer in (self._sweep, self._ticks):
            if timer is not None:
                timer.cancel()
        while self._waiters:
            self._waiters.popleft().fail(NoWorker())
        beginning = list(self._beginning)
        for task in beginning:
            task.cancel()
        await asyncio.gather(*beginning, return_exceptions=True)
        ending = [*self._workers.values(), *self._surplus]
        await asyncio.gather(*(worker.end(self._end_in) for worker in ending))

    def heard(self, message: Mapping[str, Any]) -> None:
        """A control message of one of the workers."""
        if (ack := wire.ack_of(message)) is None:
            return
        if ack.topic.startswith("b'"):  # as Nuclio's own wrapper sends it, and no trigger knows it
            self._warn(
                f"an acknowledgement is for the topic {ack.topic}, which is bytes as text: decode "
                "it, or set NUCLIO_PYTHON_DECODE_EVENT_STRINGS to true"
            )
        self.on_ack(ack)


def first(found: Sequence[wire.Reply]) -> wire.Reply:
    """Of several responses to one event, the processor passes on the first.  Raises ValueError."""
    if not found:
        raise ValueError("the function answered with an empty list of responses")
    return found[0]
