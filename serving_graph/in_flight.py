"""How many events are inside a graph: a step that waits for company asks whether any can come.

Only graphs with such a step count; knows no step and waits for nothing.
"""

from __future__ import annotations

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
        self.told = list[Callable[[], None]]()
        self._inside: list[None] = []  # its length is the count: no thread comes between

    @property
    def count(self) -> int:
        return len(self._inside)

    def counted(self, run: Run, *, is_async: bool) -> Run:
        """`run`, its events counted while they are in it."""
        enter, leave, told = self._inside.append, self._inside.pop, self.told

        def plain(value: Any, context: Any = None) -> Any:
            enter(None)
            try:
                return run(value, context)
            finally:
                leave()
                for tell in told:
                    tell()

        async def waiting(value: Any, context: Any = None) -> Any:
            enter(None)
            try:
                return await run(value, context)
            finally:
                leave()
                for tell in told:
                    tell()

        return waiting if is_async else plain
