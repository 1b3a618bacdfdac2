"""The states of a circuit breaker, without a clock and without calls.

closed     every call is let through; `failures` one after another open it
open       no call is let through until `reset` seconds are over
half-open  one call is let through: its end closes the circuit, or opens it again

A call that was let through before the circuit last changed says nothing of it any more.
"""

from __future__ import annotations

from _thread import allocate_lock
from typing import Literal

State = Literal["closed", "open", "half-open"]


class Circuit:
    """One circuit; what is called from several threads is one step at a time.

    >>> circuit = Circuit(failures=1, reset=30)
    >>> circuit.failed(circuit.enter(0), 0)
    >>> circuit.state(10), circuit.rest(10), circuit.enter(10)
    ('open', 20, None)
    >>> circuit.state(30), circuit.succeeded(circuit.enter(30)), circuit.state(30)
    ('half-open', None, 'closed')
    """

    def __init__(self, failures: int, reset: float) -> None:
        self.failures, self.reset = failures, reset
        self._lock = allocate_lock()
        self._count = 0  # of failures one after another
        self._opened: float | None = None
        self._trying = False
        self._age = 0  # how often it has changed; calls carry it

    def state(self, now: float) -> State:
        if self._opened is None:
            return "closed"
        return "open" if now < self._opened + self.reset else "half-open"

    def rest(self, now: float) -> float:
        """Seconds until a call may be let through again; 0 when one may now."""
        return 0.0 if self._opened is None else max(0.0, self._opened + self.reset - now)

    def enter(self, now: float) -> int | None:
        """What a call that is let through hands back at its end; None for one that is not."""
        with self._lock:
            state = self.state(now)
            if state == "open" or (state == "half-open" and self._trying):
                return None
            self._trying = state == "half-open"
            return self._age

    def succeeded(self, age: int | None) -> None:
        with self._lock:
            if age == self._age:
                self._count = 0
                if self._opened is not None:
                    self._change(None)

    def failed(self, age: int | None, now: float) -> None:
        with self._lock:
            if age != self._age:
                return
            self._count += 1
            if self._opened is not None or self._count >= self.failures:
                self._change(now)

    def left(self, age: int | None) -> None:
        """A call ended without saying anything of what it called (it was cancelled)."""
        with self._lock:
            if age == self._age:
                self._trying = False

    def _change(self, opened: float | None) -> None:
        self._opened, self._trying, self._count = opened, False, 0
        self._age += 1
