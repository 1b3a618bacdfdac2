"""A source, an engine and a handler, running: tasks, timers and calls, and no decision.

One task reads the source and opens it again when it is away; `workers` tasks call the handler; one
tends the broker: acknowledgements, dead letters, leases.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Any

from ..clock import Clock, SteadyClock, Timer
from ..dead_letters import DeadLetters, ToBroker
from ..errors import Away, SourceError, Standby, WrongSource
from ..source import Source
from .engine import Engine
from .outcome import Batch, Failed, Handler, Outcome, answered
from .rules import Backoff, Rules
from .status import READY, STANDBY, STOPPED, UNHEALTHY, Status
from .stretch import Stretch, noticed
from .tally import Tally
from .telling import Telling

STRETCH = 0.005  # seconds that a worker keeps the event loop for itself
WAIT = 30.0  # seconds of one wait for messages: an idle source asks twice a minute
ANSWER = 5.0  # seconds for a broker to answer when all is to end
RECONNECT = Backoff(first=0.1, longest=30.0)

log = logging.getLogger("pelton.event_sources")


class Delivery:
    """Hands the messages of `source` to `handle`, until it is stopped.

    handle:       called with a `Batch`, and awaited unless it is a plain function.  It comes back:
                  all is done.  It gives an `Outcome`: so is what that does not name.  It raises:
                  the batch has failed as a whole
    rules:        batches, order, tries
    dead_letters: where messages go that are given up; without it none is, and `attempts` and
                  `max_age` cannot be set
    clock:        what retries, windows and leases go by
    reconnect:    pauses between two tries to open the source
    on_status:    called with each new `Status`

    Use it as `async with`, or `start` and `stop` it.

    >>> from pelton.event_sources.sources.memory import Memory
    >>> async def main() -> int:
    ...     source = Memory([b"1", b"2"])
    ...     async with Delivery(source, lambda batch: None) as delivery:
    ...         await source.all_done()
    ...     return delivery.tally.done
    >>> asyncio.run(main())
    2
    """

    def __init__(
        self,
        source: Source,
        handle: Handler,
        rules: Rules | None = None,
        *,
        dead_letters: DeadLetters | None = None,
        clock: Clock | None = None,
        reconnect: Backoff = RECONNECT,
        on_status: Callable[[Status], None] = lambda status: None,
    ) -> None:
        self.source, self.rules = source, rules or Rules()
        if dead_letters is None and (self.rules.attempts or self.rules.max_age):
            raise WrongSource(
                "attempts and max_age give messages up: say where they go with dead_letters=, "
                "Discard() for nowhere"
            )
        if isinstance(dead_letters, ToBroker) and type(source).bury is Source.bury:
            raise WrongSource(
                f"{source!r} has no place for dead letters of its own, `bury`: give ToFile, ToCall "
                "or Discard"
            )
        self._handle, self._clock = handle, clock or SteadyClock()
        self._reconnect, self._on_status = reconnect, on_status
        self.status = Status()
        self._engine = Engine(
            self.rules,
            lease=source.lease,
            extends=source.promises.extends,
            letters=dead_letters is not None,
            gives=source.promises.gives_back,
            gives_lanes=source.promises.gives_lanes,
            kind=source.kind,
        )
        self._telling = Telling(source, self._engine, dead_letters, self._of_letters, self._later)
        self._tasks: list[asyncio.Task[None]] = []
        self._working: set[asyncio.Task[None]] = set()
        self._idle: list[asyncio.Future[Batch | None]] = []
        self._changed, self._to_tend = asyncio.Event(), asyncio.Event()
        self._timer: Timer | None = None
        self._timer_due = 0.0
        self._what = f"a batch of {source!r}"
        self._open = self._stopping = self._over = False
        self._tries = 0  # to open the source, since it was last read
        self.fault: BaseException | None = None  # of ours, or of a source, that has ended it

    @property
    def tally(self) -> Tally:
        """What it has counted."""
        return self._engine.tally

    @property
    def held(self) -> int:
        """How many messages it holds: in hand, waiting, or to be tried again."""
        return self._engine.held

    # -- from outside
    async def start(self) -> None:
        """Begin; a broker that is not there yet is waited for, and `status` says so."""
        self._begin(self._read())
        self._begin(self._tend())
        for _ in range(self.rules.workers):
            self._working.add(self._begin(self._work()))

    async def stop(self, grace: float = 30.0) -> None:
        """Take nothing more, let handlers end within `grace` seconds, give the rest back."""
        self._stopping = True
        reading, tending, *working = self._tasks
        await _cancel([reading])
        busy = [each for each in working if each in self._working]
        for future in self._idle:
            future.cancel()
        self._idle.clear()
        if busy:
            await asyncio.wait(busy, timeout=grace)
        await _cancel(working)
        self._over = True
        self._to_tend.set()
        await asyncio.wait([tending], timeout=ANSWER)  # a word to the broker is not cut short
        await _cancel([tending])
        if self._timer is not None:
            self._timer.cancel()
        # A fault at the very end is told like any other, and nobody else's end is cut short by it.
        await asyncio.wait([self._begin(self._end())])

    def pause(self) -> None:
        """Take nothing, hand nothing out; what is in hand goes on, what waits is kept."""
        self._say(replace(self.status, paused=True))

    def resume(self) -> None:
        """Go on after `pause`."""
        self._say(replace(self.status, paused=False))
        self._stir()

    def acknowledge(self, ids: Iterable[str]) -> None:
        """Messages that an outcome held are done."""
        self._engine.acknowledge(ids)
        self._stir()

    def refuse(self, id: str, failed: Failed) -> None:
        """A message that an outcome held has failed."""
        self._engine.refuse(id, failed, self._clock.time())
        self._stir()

    async def __aenter__(self) -> Delivery:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    # -- reading
    async def _read(self) -> None:
        while not self._stopping:
            pause: float | None = None
            try:
                await self.source.open()
                self._open = True
                self._say(replace(self.status, state=READY, reason=""))
                self._to_tend.set()
                await self._receive()
            except Standby as error:
                self._say(replace(self.status, state=STANDBY, reason=str(error)))
                pause = error.after
            except (SourceError, OSError) as error:
                self._say(replace(self.status, state=UNHEALTHY, reason=str(error)))
            if not self._stopping:
                await self._away(pause)

    async def _away(self, pause: float | None) -> None:
        """Wait before it is opened again; without a pause of its own, for longer each time."""
        self._open = False
        await self.source.close()
        if pause is None:
            self._tries += 1
            self.tally.reconnects += 1
            pause = self._reconnect.pause(self._tries)
        await self._clock.sleep(pause)

    async def _receive(self) -> None:
        while not self._stopping:
            await self._may_receive()
            items = await self.source.receive(self._engine.room, WAIT)
            self._tries = 0  # not before: it may be opened, and end at once, again and again
            if items:
                self._engine.arrived(items, self._clock.time())
                self._stir()

    async def _may_receive(self) -> None:
        # A tenth of all is asked for at least, so that a full house is no trip a message.
        least = max(1, self.rules.in_flight // 10)
        while self.status.paused or self._engine.room < least:
            self._changed.clear()
            await self._changed.wait()

    # -- handing out
    async def _work(self) -> None:
        stretch = Stretch(STRETCH)
        while not self._stopping:
            if self._runs:
                with self._clock.busy(self._what):
                    await noticed(self._run(stretch), partial(self._run_waits, stretch))
            elif batch := self._next() or await self._turn(stretch):
                with self._clock.busy(self._what):
                    await noticed(self._hand(batch), stretch.turn)
            self._changed.set()
            self._to_tend.set()
            if stretch.over:
                await asyncio.sleep(0)
                stretch.turn()

    @property
    def _runs(self) -> bool:
        return self._engine.runs and not self.status.paused

    def _next(self) -> Batch | None:
        return None if self.status.paused else self._engine.take(self._clock.time())

    async def _turn(self, stretch: Stretch) -> Batch | None:
        """A batch, once there is one; None when the worker is to look by itself."""
        turn: asyncio.Future[Batch | None] = asyncio.get_running_loop().create_future()
        self._idle.append(turn)
        self._set_timer()
        stretch.turn()
        return await turn

    async def _run(self, stretch: Stretch) -> None:
        """Hand out what has come, one batch after the other, until one is not done at once."""

        engine, handle, end = self._engine, self._handle, stretch.end
        straight = engine.straight

        def goes_on() -> bool:
            return monotonic() < end and not (self._stopping or self.status.paused)

        for batch in engine.run(goes_on):
            try:
                answer = handle(batch)
                # As `answered`, a call less: nearly all messages come through here.
                outcome = answer if answer is None or isinstance(answer, Outcome) else await answer
            except Exception as error:
                return engine.failed(batch, _failed(error), self._clock.time())
            if not straight.running or (outcome is not None and (outcome.failed or outcome.held)):
                return engine.ended(batch, outcome, self._clock.time())

    def _run_waits(self, stretch: Stretch) -> None:
        """Its handler waits for something: meanwhile others go on with what is behind."""
        stretch.turn()
        self._engine.break_off(self._clock.time())
        self._stir()

    async def _hand(self, batch: Batch) -> None:
        try:
            outcome = await answered(self._handle(batch))
        except Exception as error:
            self._engine.failed(batch, _failed(error), self._clock.time())
        else:
            self._engine.ended(batch, outcome, self._clock.time())

    def _stir(self) -> None:
        """Something has changed: hand out, tend, wait for what is due next."""
        free = self._idle if not self._stopping else []
        if free and self._runs:
            free.pop().set_result(None)
        else:
            while free and (batch := self._next()) is not None:
                free.pop().set_result(batch)
        self._changed.set()
        self._to_tend.set()
        self._set_timer()

    def _set_timer(self) -> None:
        now = self._clock.time()
        free = bool(self._idle) and not self.status.paused and not self._engine.runs
        due = self._engine.next_due(now, free=free)
        if due is None or self._stopping:
            return
        if self._timer is not None:
            if self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer, self._timer_due = self._clock.call_later(max(0.0, due - now), self._ring), due

    def _ring(self) -> None:
        self._timer = None
        self._stir()

    # -- tending the broker
    async def _tend(self) -> None:
        while not self._over:
            await self._to_tend.wait()
            self._to_tend.clear()
            if self._open:
                with self._clock.busy(f"acknowledgements to {self.source!r}"):
                    await self._telling.tell(self._clock.time())
            self._changed.set()

    def _later(self) -> None:
        """A dead letter was not taken: it is tried again after a pause."""
        self._clock.call_later(self._reconnect.longest / 10, self._to_tend.set)

    def _of_letters(self, refused: str) -> None:
        """Whether dead letters are taken is a state of the delivery, too."""
        if refused:
            self._say(replace(self.status, state=UNHEALTHY, reason=f"a dead letter: {refused}"))
        elif self.status.state == UNHEALTHY:
            self._say(replace(self.status, state=READY, reason=""))

    # -- the end
    async def _end(self) -> None:
        """Nobody works any more: tell what is done, give back what is not."""
        if self._open:
            await self._telling.tell(self._clock.time())
            with contextlib.suppress(Away, OSError):
                await self.source.requeue(self._engine.give_back())
        await self.source.close()
        self._open = False
        self._say(replace(self.status, state=STOPPED, reason=""))

    # -- parts
    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task that ends by a fault of ours, or of a source, says so."""
        self._working.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fault = error
            log.error("%r stopped", self.source, exc_info=error)
            self._say(replace(self.status, state=UNHEALTHY, reason=f"it stopped: {error!r}"))

    def _say(self, status: Status) -> None:
        if status != self.status:
            self.status = status
            self._on_status(status)


def _failed(error: Exception) -> Failed:
    """Whatever a handler raises is its batch's failure, kept with its words."""
    if isinstance(error, Failed):
        return error
    return Failed(f"{type(error).__name__}: {error}".rstrip(": "))


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """End tasks; said again where a library has swallowed it (`wait_for` before Python 3.12)."""
    left = set(tasks)
    while left:
        for each in left:
            each.cancel()
        _, left = await asyncio.wait(left, timeout=0.5)
