"""A bell that pollers listen for while they pause: something may have come to their source.

Rung for every request that passes the gateway to a service which can put something there, it lets
an idle poller ask seldom and still be prompt.  It knows no service by itself.
"""

from __future__ import annotations

import asyncio
import contextlib

from .clock import Clock


class Bell:
    """Wakes whoever listens for the service that it is rung for.

    >>> async def hear() -> str:
    ...     from pelton.localstack.clock import RealClock
    ...     bell = Bell(RealClock())
    ...     ear = bell.ear("sqs", "sns")
    ...     waiting = asyncio.create_task(ear.pause(3600))
    ...     await asyncio.sleep(0)
    ...     bell.ring("sns")
    ...     await waiting
    ...     return "came at once"
    >>> asyncio.run(hear())
    'came at once'
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ears: dict[str, set[Ear]] = {}

    def ear(self, *services: str) -> Ear:
        """An ear for these services; `close` it when it is not needed any more."""
        ear = Ear(self, self._clock)
        for service in services:
            self._ears.setdefault(service, set()).add(ear)
        return ear

    def ring(self, service: str) -> None:
        for ear in tuple(self._ears.get(service, ())):
            ear.wake()

    def forget(self, ear: Ear) -> None:
        for ears in self._ears.values():
            ears.discard(ear)


class Ear:
    """What one poller listens with."""

    def __init__(self, bell: Bell, clock: Clock) -> None:
        self._bell, self._clock = bell, clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """End the pause that is on, or the next one."""
        self._woken.set()
        self._clock.stir()

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
