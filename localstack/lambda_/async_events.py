"""InvocationType=Event: accepted means kept, on disk, until it is done and its end is told.

An event gets its attempts under one request id: the second comes one delay after the first, the
third two delays after the second (a minute and two on AWS).  One that is throttled waits without
losing an attempt, a second at first and up to five minutes, until its age; one that would be tried
again only after its age is given up at once.  Its end goes to its destination and to its
dead-letter queue, and it is forgotten only when they have taken it, or have refused for long.
What was accepted before a kill goes on after it.

Source: "How Lambda handles errors and retries with asynchronous invocation", AWS's guide.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ..clock import Clock
from .async_records import EXHAUSTED, NO_CONCURRENCY, SUCCESS, TOO_OLD, deliveries, qualified
from .async_store import Delivery, Event, EventStore, Response, Settings
from .destinations.base import Letter, Undelivered
from .records import Call, Execution, Outcome, RestoreFailed, Throttled

LONGEST_REFUSAL = 300.0  # seconds between tries of a throttled event, at the most
# Tries of a destination, with pauses of 1, 2, 4 … seconds and no more than a minute.
DELIVERY_TRIES, LONGEST_DELIVERY_PAUSE = 10, 60.0
# Events of one function that run at once; the others wait in the order of their acceptance.
AT_ONCE = 32
DISK_PAUSE = 30.0


class Functions(Protocol):
    """The functions that events are for, as they are now."""

    def call(self, event: Event) -> Call | None:
        """The call that an event means; None when its function, version or alias is gone."""

    def settings(self, invoked_arn: str) -> Settings | None:
        """What becomes of its events; None when it is gone."""


class Receivers(Protocol):
    """Who takes what became of an event."""

    async def send(self, arn: str, letter: Letter) -> None:
        """On return it was taken.  Raises Undelivered."""


Report = Callable[[str], None]


class AsyncEvents:
    """The queue behind asynchronous invocation (`records.AsyncQueue`).

    retry_delay: seconds before the second attempt; the third comes twice as long after it
    report:      one line for whoever runs the emulator
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        execution: Execution,
        functions: Functions,
        retry_delay: float = 60.0,
        report: Report = lambda line: None,
    ) -> None:
        self._clock, self._execution, self._functions = clock, execution, functions
        self._retry_delay, self._report = retry_delay, report
        self._store = EventStore(path)
        self._receivers: Receivers | None = None
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def deliver_to(self, receivers: Receivers) -> None:
        """Who takes the ends of events; they need this queue themselves, so they come later."""
        self._receivers = receivers

    def start(self) -> None:
        """Go on with what was accepted before this process began."""
        for number in self._store.numbers():
            self._in_our_time(number)
            self._begin(number)

    def _in_our_time(self, number: int) -> None:
        """An event of a clock that was ahead of ours (a manual one, moved) is as old as it is."""
        event, now = self._store.read(number), self._clock.time()
        if event is not None and event.accepted > now:
            ahead = event.accepted - now
            self._store.keep(replace(event, accepted=now, due=event.due - ahead))

    async def accept(self, call: Call) -> None:
        now = self._clock.time()
        event = self._store.add(
            Event(
                0,
                call.payload,
                call.invoked_arn,
                call.request_id,
                call.client_context,
                call.trace_id,
                accepted=now,
                due=now,
                settings=self._functions.settings(call.invoked_arn) or Settings(),
            )
        )
        self._begin(event.id)

    def pending(self) -> int:
        """How many events are accepted and not done."""
        return len(self._store.numbers())

    async def reset(self) -> None:
        """Forget every event."""
        await self._stop()
        self._store.clear()

    async def close(self) -> None:
        """Stop working; what is not done stays on disk."""
        await self._stop()
        self._store.close()

    async def _stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- one event's life
    def _begin(self, number: int) -> None:
        task = asyncio.get_running_loop().create_task(self._work(number))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, number: int) -> None:
        while (event := self._store.read(number)) is not None:
            await self._clock.sleep(event.due - self._clock.time(), rank=number)
            async with self._turn(event):
                with self._clock.busy(f"asynchronous event {event.request_id}"):
                    stands = await self._step_kept(event)
            if not stands:
                await self._clock.sleep(DISK_PAUSE)

    async def _step_kept(self, event: Event) -> bool:
        """One step; False when the disk did not keep what came of it: it is taken again."""
        try:
            await self._step(event)
        except sqlite3.Error as error:
            self._report(
                f"asynchronous event {event.request_id} stands as it was, and is tried again in "
                f"{DISK_PAUSE:g} s: the disk did not keep what came of it: {error}"
            )
            return False
        return True

    def _turn(self, event: Event) -> asyncio.Semaphore:
        """One of the places of its function; by a manual clock there is one, to keep the order."""
        function = event.invoked_arn.split(":")[6]
        places = AT_ONCE if self._clock.mode == "real" else 1
        return self._turns.setdefault(function, asyncio.Semaphore(places))

    async def _step(self, event: Event) -> None:
        if event.condition:
            await self._deliver(event)
            return
        settings = self._functions.settings(event.invoked_arn)
        event = replace(event, settings=settings or event.settings)
        if self._clock.time() >= event.expires():
            await self._end(event, TOO_OLD)
        else:
            await self._attempt(event)

    async def _attempt(self, event: Event) -> None:
        call = self._functions.call(event)
        if call is None:
            await self._failed(event, Response(404))
        elif call.revision.reserved_concurrency == 0:
            await self._end(event, NO_CONCURRENCY)
        else:
            try:
                outcome = await self._execution.invoke(call)
            except Throttled:
                self._refused(replace(event, response=Response(429)))
            except RestoreFailed as error:
                said = error.payload.decode()
                await self._failed(event, Response(error.status, call.revision.version, "", said))
            except Exception as error:  # whatever it was, the event must not be lost for it
                self._report(f"asynchronous event {event.request_id} could not be run: {error!r}")
                self._refused(replace(event, response=Response(500)))
            else:
                await self._answered(event, outcome)

    async def _answered(self, event: Event, outcome: Outcome) -> None:
        payload = outcome.payload.decode("utf-8", "replace")
        response = Response(200, outcome.version, outcome.error, payload)
        if outcome.error:
            await self._failed(event, response)
        else:
            await self._end(replace(event, response=response), SUCCESS)

    async def _failed(self, event: Event, response: Response) -> None:
        """An attempt is used up: wait for the next, or give up."""
        event = replace(event, response=response, attempts=event.attempts + 1, refusals=0)
        due = self._clock.time() + self._retry_delay * event.attempts
        if event.attempts > event.settings.retries:
            await self._end(event, EXHAUSTED)
        elif due >= event.expires():
            await self._end(event, TOO_OLD)
        else:
            self._store.keep(replace(event, due=due))

    def _refused(self, event: Event) -> None:
        """It did not run: wait, longer each time, and no longer than its age."""
        pause = min(2.0**event.refusals, LONGEST_REFUSAL)
        due = min(self._clock.time() + pause, event.expires())
        self._store.keep(replace(event, due=due, refusals=min(event.refusals + 1, 30)))

    async def _end(self, event: Event, condition: str) -> None:
        now = self._clock.time()
        event = replace(event, condition=condition, ended=now, due=now)
        event = replace(event, deliveries=deliveries(event))
        if event.deliveries:
            self._store.keep(event)
            await self._deliver(event)
            return
        self._store.remove(event.id)
        if condition != SUCCESS:
            self._report(
                f"AsyncEventsDropped: event {event.request_id} of {qualified(event.invoked_arn)}: "
                f"{condition} after {event.attempts} attempts; it has neither an OnFailure "
                "destination nor a dead-letter queue"
            )

    # -- telling its end
    async def _deliver(self, event: Event) -> None:
        """Hand over what is left; what is not taken waits, and is not in the way of the rest."""
        refused: list[tuple[Delivery, Undelivered]] = []
        for delivery in event.deliveries:
            try:
                await self._send(event, delivery)
            except Undelivered as error:
                refused.append((delivery, error))
                continue
            left = tuple(each for each in event.deliveries if each is not delivery)
            event = replace(event, deliveries=left)
            if left:
                self._store.keep(event)
        if refused and event.undelivered + 1 < DELIVERY_TRIES:
            self._deliver_later(event)
            return
        for delivery, why in refused:
            self._undelivered(event, delivery, why)
        self._store.remove(event.id)

    async def _send(self, event: Event, delivery: Delivery) -> None:
        if self._receivers is None:
            raise Undelivered("nobody delivers here")
        letter = Letter(
            delivery.body,
            qualified(event.invoked_arn),
            event.condition == SUCCESS,
            event.ended,
            event.request_id,
            delivery.attributes,
        )
        try:
            await self._receivers.send(delivery.arn, letter)
        except Undelivered:
            raise
        except Exception as error:  # whatever it was, what is to be told must not be lost for it
            raise Undelivered(repr(error)) from error
        self._clock.stir()

    def _deliver_later(self, event: Event) -> None:
        pause = min(2.0**event.undelivered, LONGEST_DELIVERY_PAUSE)
        due = self._clock.time() + pause
        self._store.keep(replace(event, due=due, undelivered=event.undelivered + 1))

    def _undelivered(self, event: Event, delivery: Delivery, error: Undelivered) -> None:
        metric = "DeadLetterErrors" if delivery.dead_letter else "DestinationDeliveryFailures"
        self._report(
            f"{metric}: event {event.request_id} of {qualified(event.invoked_arn)} "
            f"({event.condition}): {delivery.arn} did not take it in {DELIVERY_TRIES} tries: "
            f"{error}"
        )
