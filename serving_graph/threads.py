"""Calls of plain steps in threads of their own, for who must not wait for them for ever.

A thread cannot be ended from outside: one that is given up is told by its context
(`context.cancelled`) and left alone.  So there is a bound on how many there may be.
"""

from __future__ import annotations

from _thread import LockType, allocate_lock
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..handlers.context import Context
from ..handlers.errors import Overloaded
from .clock import end, wake
from .compile import Run
from .drive import AsyncRun

if TYPE_CHECKING:
    from .protocols import Clock


class Threads:
    """Tries as calls in threads, at most `most` at a time, those given up included."""

    def __init__(self, run: Run, clock: Clock, path: str, most: int) -> None:
        self._run, self._clock, self._path, self._most = run, clock, path, most
        self.running, self._lock = 0, allocate_lock()

    def start(self, value: Any, context: Context) -> _Thread:
        """Raises `Overloaded` when too many are running."""
        self._count(1)
        try:
            return _Thread(self._run, value, context, self._clock, lambda: self._count(-1))
        except RuntimeError:  # the machine has no thread to give
            self._count(-1)
            raise

    def _count(self, more: int) -> None:
        with self._lock:
            if more > 0 and self.running >= self._most:
                raise Overloaded(f"step {self._path} has {self._most} calls that do not end")
            self.running += more

    async def wait(self, tries: Sequence[Any], seconds: float | None) -> None:
        """Blocks this thread, and so never waits for a loop."""
        told = allocate_lock()
        told.acquire()
        for each in tries:
            each.tell(lambda: wake(told))
        self._clock.until(told, seconds)

    def awaited(self) -> AsyncRun:
        """The run for a loop, which goes on meanwhile."""

        async def run(value: Any, context: Context) -> Any:
            import asyncio

            loop = asyncio.get_running_loop()
            over: asyncio.Future[None] = loop.create_future()

            def tell() -> None:
                try:
                    loop.call_soon_threadsafe(end, over)
                except RuntimeError:
                    return  # the loop is closed: nobody waits any more

            call = self.start(value, context)
            call.tell(tell)
            await over
            return call.result()

        return run


class _Thread:
    def __init__(
        self, run: Run, value: Any, context: Context, clock: Clock, over: Callable[[], None]
    ) -> None:
        from contextvars import copy_context
        from threading import Thread

        self.ended: float | None = None
        self._answer: Any = None
        self._error: BaseException | None = None
        self._lock: LockType = allocate_lock()
        self._told = [over]
        self.context, self._clock = context, clock
        work = copy_context().run
        Thread(target=work, args=(self._work, run, value), name="pelton-try", daemon=True).start()

    def _work(self, run: Run, value: Any) -> None:
        try:
            self._answer = run(value, self.context)
        except BaseException as error:  # raised again where it is asked for
            self._error = error
        with self._lock:
            self.ended = self._clock.now()
            told = list(self._told)
        for tell in told:
            tell()

    def tell(self, tell: Callable[[], None]) -> None:
        """Have `tell` called when the call is over, now if it is."""
        with self._lock:
            if self.ended is None:
                self._told.append(tell)
                return
        tell()

    @property
    def failed(self) -> bool:
        return isinstance(self._error, Exception)

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._answer

    async def give_up(self) -> None:
        self.context.cancel()
