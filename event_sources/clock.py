"""The clock that a delivery goes by; another may be passed in, and tests pass one moved by hand."""

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
    """What a delivery asks of a clock (the emulator's own, too, has all of it)."""

    def time(self) -> float:
        """Seconds since the epoch."""

    async def sleep(self, seconds: float) -> None:
        """Come back `seconds` later."""

    def call_later(self, seconds: float, act: Callable[[], None]) -> Timer:
        """Call `act` in `seconds`."""

    def busy(self, what: str) -> AbstractContextManager[None]:
        """Inside, work is under way: a clock that is moved by hand stands still meanwhile."""


class SteadyClock:
    """The machine's time when it was made, and from then on by what has really passed: a machine
    whose time is set back does not make anybody wait for longer."""

    def __init__(self) -> None:
        self._begin = time.time() - time.monotonic()

    def time(self) -> float:
        return self._begin + time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def call_later(self, seconds: float, act: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, act)

    def busy(self, what: str) -> AbstractContextManager[None]:
        return _FREE


_FREE = nullcontext()
