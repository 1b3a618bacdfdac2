"""How long something may take, for who has one such thing after another and seldom is late.

A timer of the loop for each event would be made and taken back at every call; one that stands
until it is due, and then looks whether there is still something to be late, costs a call nothing.
It knows nothing of what is late.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..clock import MACHINE, Timer


class Deadline:
    """Calls `late` when what was begun has not ended in its time (real seconds)."""

    def __init__(self, late: Callable[[], None]) -> None:
        self._late = late
        self._due = 0.0  # of what is under way; 0.0 for nothing
        self._timer: Timer | None = None
        self._comes = 0.0  # when the timer does

    def begin(self, seconds: float) -> None:
        """Something begins that may take so long."""
        self._due = time.perf_counter() + seconds
        if self._timer is None:
            self._set(seconds)
        elif self._comes > self._due:
            self._timer.cancel()
            self._set(seconds)

    def end(self) -> None:
        """It has ended; the timer stands for what comes next."""
        self._due = 0.0

    def close(self) -> None:
        """Nothing comes next."""
        self._due = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, seconds: float) -> None:
        self._comes = time.perf_counter() + seconds
        self._timer = MACHINE.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._due:
            return
        left = self._due - time.perf_counter()
        if left > 0:
            self._set(left)
        else:
            self._due = 0.0
            self._late()
