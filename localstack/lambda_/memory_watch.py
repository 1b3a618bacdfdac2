"""Ends sandboxes that have more memory than their function may have.

Looked at are those that have been at an event, or in their init, for a while: an idle sandbox does
nothing and costs nothing here.  Processes go by the machine's time.
"""

from __future__ import annotations

import asyncio
import time

from ..clock import MACHINE
from .sandbox import Sandbox

# To fill the smallest function's memory takes longer than this.
MOMENT = 0.02


class MemoryWatch:
    """Who is at work, and since when: an entry for each event."""

    def __init__(self) -> None:
        self._busy: dict[object, tuple[Sandbox, float]] = {}
        self._someone = asyncio.Event()

    def begin(self, sandbox: Sandbox) -> object:
        """It has an event, or its init, from now on; give what is returned to `end`."""
        entry = object()
        self._busy[entry] = (sandbox, time.perf_counter())
        self._someone.set()
        return entry

    def end(self, entry: object) -> None:
        del self._busy[entry]

    async def run(self) -> None:
        """Look every moment, while there is someone to look at."""
        while True:
            await self._someone.wait()
            await MACHINE.sleep(MOMENT)
            before = time.perf_counter() - MOMENT / 2
            for sandbox in {each for each, since in self._busy.values() if since < before}:
                free = sandbox.revision.debug is not None  # a debugger's own memory counts in it
                if sandbox.alive and not free and sandbox.has_too_much():
                    sandbox.out_of_memory = True
                    sandbox.kill()
            if not self._busy:
                self._someone.clear()
