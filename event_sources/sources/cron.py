"""A clock as a source: each tick is a message, and of all who listen by one store one gets it.

The store keeps how far the schedule has come (a mark) and who has a tick in hand (a claim): so a
tick is handled once over replicas and restarts, one at a time, and what fell while nobody listened
is known.  What becomes of such missed ticks (misfires, catch-up) is said by `missed`.

The machine's clock is followed where it goes.  Set forward, it has missed what lies between; set
back, it ticks on when it comes to where it was.  A mark that lies more than a day ahead was set by
a clock that was wrong, and is not believed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from typing import ClassVar, Protocol

from ..errors import WrongSource
from ..message import Message
from ..schedule import Crontab, Every, Schedule, iso
from ..source import Promises, Source
from ..stores import Claim, Store, store_of

MISSED = ("skip", "last", "all")
DAY = 86_400.0
LOOK = 10.0  # seconds after which a clock that was set, or another's end, is seen at the latest

log = logging.getLogger("pelton.event_sources")


class Clock(Protocol):
    """What it asks of a clock: the emulator's has it, too."""

    def time(self) -> float:
        """Seconds since the epoch."""

    async def sleep(self, seconds: float) -> None:
        """Come back `seconds` later."""


class WallClock:
    """The machine's time, as it is set."""

    def time(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class Cron(Source):
    """
    name:     of the schedule: those who share name and store share its ticks
    every:    seconds between two ticks, counted from the epoch; or
    schedule: a five-field crontab line, in `timezone` ("Europe/Berlin"; "" for UTC)
    missed:   of ticks that came while nobody listened: "skip" them, make up for the "last" of them,
              or for "all".  A handler that takes longer than the next tick misses that as well
    max_age:  seconds after which a missed tick is made up for no more
    grace:    seconds within which a tick is on time
    store:    where it is kept how far it has come: a `Store`, or its address; "" ends with us
    lease:    seconds without a sign of life after which another takes the tick of who is gone

    >>> Cron(name="report", schedule="0 6 * * 1-5", timezone="Europe/Berlin")
    <source cron>
    """

    kind: ClassVar[str] = "cron"
    lease: float
    promises: ClassVar[Promises] = Promises(
        redelivers=True,
        ordered_by="schedule",
        across_workers=True,
        extends=True,
        requeues=True,
        note="one tick at a time; with a store that several share, of all of them one has it",
    )

    def __init__(
        self,
        *,
        name: str,
        every: int = 0,
        schedule: str = "",
        timezone: str = "",
        missed: str = "skip",
        max_age: float = DAY,
        grace: float = 30.0,
        store: Store | str = "",
        lease: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        if missed not in MISSED:
            raise WrongSource(f"cron: missed={missed!r} is none of {', '.join(MISSED)}")
        self.name, self.lease = name, lease
        self._schedule = _schedule(every, schedule, timezone)
        self._all = missed == "all"
        self._reach = grace if missed == "skip" else max(grace, max_age)
        self._store = store_of(store) if isinstance(store, str) else store
        self._clock = clock or WallClock()
        self._at: float | None = None  # every tick up to here is settled
        self._seen: float | None = None  # a tick that was on time when it was seen
        self._hand: float | None = None
        self._token, self._settled = "", False
        self._claiming: asyncio.Future[list[Claim]] | None = None
        self._free = asyncio.Event()

    async def open(self) -> None:
        if self._settled:  # the store was away when its word was to be kept
            await self._settle()
        if self._at is None:
            self._at = await self._mark()

    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        end = time.monotonic() + seconds
        while True:
            found = None if self._hand is not None else await self._take()
            left = end - time.monotonic()
            if isinstance(found, Message):
                return [found]
            if left <= 0:
                return []
            await self._wait(min(left, LOOK) if found is None else min(found, left, LOOK))

    async def ack(self, messages: Sequence[Message]) -> None:
        if self._hand is not None and any(each.raw == self._hand for each in messages):
            self._settled = True
            await self._settle()

    async def extend(self, messages: Sequence[Message]) -> None:
        if self._token:
            await self._store.renew({self.name: self._token}, self.lease)

    async def requeue(self, messages: Sequence[Message]) -> None:
        if self._claiming is not None:
            await self._claim()
        if self._token and not self._settled:
            await self._let_go()

    async def close(self) -> None:
        await self._store.close()

    # -- parts
    async def _take(self) -> Message | float:
        """The tick that is due, now in our hand; else the seconds after which to look again."""
        now = self._clock.time()
        if self._due(now) is None:
            return self._schedule.after(max(now, self._at or now)) - now
        claim = await self._claim()
        if not claim.token:
            return claim.after
        self._at = await self._mark()  # another may have been here
        tick = self._due(now)
        if tick is None:
            await self._let_go()
            return 0.0
        self._say_missed(tick)
        self._hand = tick
        self._free.clear()
        return self._message(tick)

    async def _claim(self) -> Claim:
        """Try to be who has the next tick; who is cancelled meanwhile does not lose the claim."""
        self._claiming = self._claiming or asyncio.ensure_future(
            self._store.claim([self.name], self.lease)
        )
        try:
            (claim,) = await asyncio.shield(self._claiming)
        finally:
            if self._claiming.done():
                self._claiming = None
        self._token = claim.token
        return claim

    async def _wait(self, seconds: float) -> None:
        """Until our hand is free again, or by the clock."""
        if self._hand is None:
            await self._clock.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._free.wait()

    def _due(self, now: float) -> float | None:
        """The tick that is to be handled next."""
        if self._at is None or self._at > now + DAY:
            self._at, self._seen = now, None
        reach = now - self._reach
        if self._seen is not None and self._at < self._seen <= now:
            reach = min(reach, self._seen - 1)
        since = max(self._at, reach)
        tick = self._schedule.after(since) if self._all else self._schedule.last(since, now)
        if tick is None or tick > now:
            return None
        self._seen = tick
        return tick

    async def _mark(self) -> float:
        """How far the schedule has come; from now on, where nobody knows."""
        now, at = self._clock.time(), await self._store.mark(self.name)
        if at is not None and at <= now + DAY:
            return at
        if at is not None:
            log.warning(
                "cron %s has come to %s, which is yet to be: it goes on from now",
                self.name,
                iso(at),
            )
        since = now if self._at is None else min(self._at, now)
        await self._store.set_mark(self.name, since)
        return since

    def _say_missed(self, tick: float) -> None:
        assert self._at is not None
        first = self._schedule.after(self._at)
        if first < tick:
            log.warning(
                "cron %s: its ticks from %s to before %s were missed, and are not made up for",
                self.name,
                iso(first),
                iso(tick),
            )

    async def _settle(self) -> None:
        """The tick in our hand is done: keep that, then let others go on."""
        assert self._hand is not None
        await self._store.set_mark(self.name, self._hand)
        self._at, self._settled = self._hand, False
        await self._let_go()

    async def _let_go(self) -> None:
        token, self._token, self._hand = self._token, "", None
        self._free.set()
        await self._store.release({self.name: token})

    def _message(self, tick: float) -> Message:
        said = iso(tick)
        return Message(
            id=f"{self.name}@{said}",
            body=b"{}",
            topic=self.name,
            lane=self.name,
            position=said,
            timestamp=tick,
            raw=tick,
        )


def _schedule(every: int, line: str, timezone: str) -> Schedule:
    if bool(every) == bool(line):
        raise WrongSource("cron: say one of every= and schedule=")
    try:
        found = Every(every) if every else Crontab(line, timezone)
        found.after(0.0)
    except ValueError as error:
        raise WrongSource(f"cron: {error}") from error
    return found
