"""Calls that may be given up: one on its way, one or several waited for, until a clock's time.

Written once for both worlds: a try is a task of the running loop, or a call in a thread of its own
where a plain graph waits.  Who orders tries (`timeout`, `hedge`) says only what it wants of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..handlers.context import Context
from .drive import AsyncRun

if TYPE_CHECKING:
    from .protocols import Clock


class Try(Protocol):
    """One call on its way.

    ended:  the clock's time when it was over; None until then
    failed: whether it ended with an error
    result: its answer, or its error raised
    """

    @property
    def ended(self) -> float | None: ...

    @property
    def failed(self) -> bool: ...

    def result(self) -> Any: ...

    async def give_up(self) -> None: ...


class Tries(Protocol):
    """Starts tries, and waits until one of several is over or `seconds` are."""

    def start(self, value: Any, context: Context) -> Try: ...

    async def wait(self, tries: Sequence[Try], seconds: float | None) -> None: ...


class Tasks:
    """Tries as tasks of the running loop; given up, they are cancelled and waited for."""

    def __init__(self, run: AsyncRun, clock: Clock) -> None:
        self._run, self._clock = run, clock

    def start(self, value: Any, context: Context) -> _Task:
        return _Task(self._run, value, context, self._clock)

    async def wait(self, tries: Sequence[Any], seconds: float | None) -> None:
        import asyncio

        tasks = [each.task for each in tries]
        if seconds is None:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return
        timer = asyncio.ensure_future(self._clock.wait(seconds))
        try:
            await asyncio.wait([*tasks, timer], return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)


class _Task:
    def __init__(self, run: AsyncRun, value: Any, context: Context, clock: Clock) -> None:
        import asyncio

        self.ended: float | None = None
        self.failed = False
        self.context = context
        self.task = asyncio.ensure_future(self._timed(run, value, clock))
        self.task.add_done_callback(_looked_at)

    async def _timed(self, run: AsyncRun, value: Any, clock: Clock) -> Any:
        try:
            return await run(value, self.context)
        except Exception:
            self.failed = True
            raise
        finally:
            self.ended = clock.now()

    def result(self) -> Any:
        return self.task.result()

    async def give_up(self) -> None:
        import asyncio

        self.context.cancel()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def _looked_at(task: Any) -> None:
    """A try that lost may fail unheard: nobody asks for its error, which asyncio would print."""
    if not task.cancelled():
        task.exception()
