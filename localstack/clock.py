"""One clock for everything of ours that waits: what it can be asked, and the machine's own.

The other one, which tests move by hand, is in `manual_clock`; who waits does not know which it is.

What stays real, whichever clock there is, and asks `MACHINE` for it:

- a function's timeout, its init phase, the deadline it is told: its process has the machine's time
- a Nuclio worker's start, its event timeout, an event's wait for a free worker: the same
- how long a client may take to send its request
- memory that is sampled, durations that are measured for REPORT lines
- waits for the embedded services to be loaded, and for threads and processes to end

`tests/localstack/test_time_audit.py` lists each use, with why.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> object:
        """It does not come any more."""


class Clock(Protocol):
    """What waits asks this, never `time` or `asyncio.sleep`."""

    mode: str  # "real" or "manual"

    def time(self) -> float:
        """Seconds since the epoch."""

    async def sleep(self, seconds: float, rank: int = 0) -> None:
        """Come back `seconds` later (at once for zero or less).

        Of those who are due at one time, a manual clock wakes the lower `rank` first, then who
        asked first.
        """

    def call_later(self, seconds: float, act: Callable[[], None]) -> Timer:
        """Call `act` in `seconds`, with no task of its own."""

    async def pause(self, seconds: float, until: float | None = None) -> None:
        """Look again in `seconds`: the wait of a poller that found nothing.

        By a manual clock such a look is no event in time: it comes when something may have
        changed (`stir`), and at the time `until` at the latest.
        """

    def stir(self) -> None:
        """Something may have changed: whoever pauses looks again.  From any thread."""

    def busy(self, what: str) -> AbstractContextManager[None]:
        """Inside, work is under way that `what` names: a manual clock stands still meanwhile."""


class RealClock:
    """The machine's time."""

    mode = "real"

    def time(self) -> float:
        return time.time()

    async def sleep(self, seconds: float, rank: int = 0) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def call_later(self, seconds: float, act: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, act)

    async def pause(self, seconds: float, until: float | None = None) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def stir(self) -> None:
        pass

    def busy(self, what: str) -> AbstractContextManager[None]:
        return _FREE


_FREE = nullcontext()
# For what is real whichever clock the emulator has; the list is above.
MACHINE = RealClock()
