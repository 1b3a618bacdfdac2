"""Sandboxes stand still between events, as Lambda freezes an environment that waits.

Not at once: one that has its next event within a moment is never stopped, so a warm call pays
nothing.  Whoever gives a sandbox an event lets it go on first (`Sandbox.invoke`).
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Protocol

from ..clock import MACHINE

MOMENT = 0.1  # seconds


class Freezable(Protocol):
    """A sandbox as it is seen here; `rests` is the number of its rest, 0 while it has an event."""

    rests: int

    def freeze(self) -> None:
        """Stop its processes."""


class Freezer:
    """Stops sandboxes that have rested for a moment."""

    def __init__(self) -> None:
        self._resting: dict[Freezable, int] = {}
        self._numbers = itertools.count(1)
        self._someone = asyncio.Event()

    def rests(self, sandbox: Freezable) -> None:
        """It has no event any more."""
        sandbox.rests = self._resting[sandbox] = next(self._numbers)
        self._someone.set()

    async def run(self) -> None:
        """Look every moment, while there is someone to look at."""
        while True:
            await self._someone.wait()
            waiting, self._resting = self._resting, {}
            self._someone.clear()
            await MACHINE.sleep(MOMENT)
            for sandbox, number in waiting.items():
                if sandbox.rests == number:
                    sandbox.freeze()
