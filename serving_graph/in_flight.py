"""How many events are inside a graph: a step that waits for company asks whether any can come.

Only graphs with such a step count; knows no step and waits for nothing.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable
from typing import Any

from .compile import Run


class InFlight:
    """The events of one worker's graph, from their entry to their answer.

    told: what is called, without an argument, when an event has left

    >>> events = InFlight()
    >>> run = events.counted(lambda value, context: events.count, is_async=False)
    >>> run("any", None), events.count
    (1, 0)
    """

    def __init__(self) -> None:
        self.count, self.told = 0, list[Callable[[], None]]()
        self._lock = allocate_lock()

    def counted(self, run: Run, *, is_async: bool) -> Run:
        """`run`, its events counted while they are in it."""

        def plain(value: Any, context: Any = None) -> Any:
            self._move(1)
            try:
                return run(value, context)
            finally:
                self._move(-1)

        async def waiting(value: Any, context: Any = None) -> Any:
            self._move(1)
            try:
                return await run(value, context)
            finally:
                self._move(-1)

        return waiting if is_async else plain

    def _move(self, by: int) -> None:
        with self._lock:
            self.count += by
        if by < 0:
            for tell in self.told:
                tell()
