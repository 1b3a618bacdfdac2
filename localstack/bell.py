"""A bell that pollers listen for while they pause: something may have come to their source.

Rung for every request that passes the gateway to another service, it lets an idle poller ask
seldom and still be prompt.  A request to the source's own service wakes whom it names; one to a
service that hands on (a topic, a bus) may be for anyone, and wakes each at most a few times a
second.  It knows no service by itself.
"""

from __future__ import annotations

import asyncio
import contextlib

from .clock import Clock

# Seconds between two wakings by what may be for anyone.
SELDOM = 0.25


class Bell:
    """Wakes whoever listens for what it is rung for.

    >>> async def hear() -> list[str]:
    ...     from pelton.localstack.clock import RealClock
    ...     bell, heard = Bell(RealClock()), []
    ...     async def listen(name: str) -> None:
    ...         await bell.ear(name, "sqs").pause(3600)
    ...         heard.append(name)
    ...     waiting = [asyncio.create_task(listen(name)) for name in ("orders", "letters")]
    ...     await asyncio.sleep(0)
    ...     bell.ring("sqs", b'{"QueueUrl": "http://localhost/0/letters"}')
    ...     await waiting[1]
    ...     waiting[0].cancel()
    ...     return heard
    >>> asyncio.run(hear())
    ['letters']
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._named: dict[str, dict[Ear, bytes]] = {}
        self._any: dict[str, set[Ear]] = {}

    def ear(self, name: str = "", service: str = "", others: tuple[str, ...] = ()) -> Ear:
        """An ear for requests to `service` that name `name`, and for any to `others`.

        `close` it when it is not needed any more.
        """
        ear = Ear(self, self._clock)
        if service:
            self._named.setdefault(service, {})[ear] = name.encode()
        for each in others:
            self._any.setdefault(each, set()).add(ear)
        return ear

    def ring(self, service: str, said: bytes) -> None:
        """A request to `service` was answered, which said `said`."""
        for ear, name in tuple(self._named.get(service, {}).items()):
            if name in said:
                ear.wake()
        for ear in tuple(self._any.get(service, ())):
            ear.nudge()

    def forget(self, ear: Ear) -> None:
        for named in self._named.values():
            named.pop(ear, None)
        for ears in self._any.values():
            ears.discard(ear)


class Ear:
    """What one poller listens with."""

    def __init__(self, bell: Bell, clock: Clock) -> None:
        self._bell, self._clock = bell, clock
        self._woken = asyncio.Event()
        self._nudged = float("-inf")

    def wake(self) -> None:
        """End the pause that is on, or the next one."""
        self._woken.set()
        self._clock.stir()

    def nudge(self) -> None:
        """As `wake`, but seldom."""
        now = self._clock.time()
        if now - self._nudged >= SELDOM:
            self._nudged = now
            self.wake()

    async def pause(self, seconds: float, until: float | None = None) -> None:
        """`Clock.pause`, and back as soon as woken."""
        if self._clock.mode == "manual":
            # It wakes those who pause itself, one after the other.
            if not self._woken.is_set():
                await self._clock.pause(seconds, until)
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), max(0.0, seconds))
        self._woken.clear()

    def close(self) -> None:
        self._bell.forget(self)
