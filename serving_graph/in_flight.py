"""How many events are inside a graph: a step that waits for company asks whether any can come, and
who closes the steps whether any is still under way.

Only graphs with such a step, or with something to close, count; knows no step.
"""

from __future__ import annotations

from _thread import allocate_lock, get_ident
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .clock import wake
from .compile import Run

if TYPE_CHECKING:
    from .protocols import Clock


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
        self._inside: list[int] = []  # of which thread; no other one comes between

    @property
    def count(self) -> int:
        return len(self._inside)

    def wait(self, clock: Clock, seconds: float) -> bool:
        """Wait until no event of another thread is inside; whether that is so.

        Those of this thread cannot end while it waits, so nobody waits for them.
        """
        own, ends, left = get_ident(), clock.now() + seconds, allocate_lock()
        left.acquire()

        def tell() -> None:
            wake(left)

        self.told.append(tell)
        try:
            while others := any(each != own for each in self._inside):
                if (more := ends - clock.now()) <= 0:
                    break
                clock.until(left, more)
        finally:
            self.told.remove(tell)
        return not others

    def counted(self, run: Run, *, is_async: bool) -> Run:
        """`run`, its events counted while they are in it."""
        enter, leave, told, thread = self._inside.append, self._inside.remove, self.told, get_ident

        def plain(value: Any, context: Any = None) -> Any:
            enter(own := thread())
            try:
                return run(value, context)
            finally:
                leave(own)
                for tell in told[:]:
                    tell()

        async def waiting(value: Any, context: Any = None) -> Any:
            enter(own := thread())
            try:
                return await run(value, context)
            finally:
                leave(own)
                for tell in told[:]:
                    tell()

        return waiting if is_async else plain
