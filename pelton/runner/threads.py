"""Threads that plain functions run on beside an event loop, as few as do not hold anybody up.

A function whose last call was quick shares one thread with the others of its kind: a call costs
two wake-ups at the most, and under load less than one, as nobody fights for the interpreter.  Each
call of any other function has a thread of its own.  Should the shared thread be held up after all,
those that wait behind the slow call go on elsewhere, `QUICK` seconds later.

Every decision is taken on the loop; a thread only runs what it is handed.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

QUICK = 0.005  # seconds of a call that others may wait behind
LATE = 0.001  # seconds that an answer may wait for those behind it
SPARE = 32  # threads that are kept though nothing is to be done


class Pace:
    """What is known of a function's calls; nothing yet, so the first has a thread of its own."""

    __slots__ = ("quick",)

    def __init__(self) -> None:
        self.quick = False


class Call:
    """One call: what is to be run, for whom, and what became of it.

    began: when it did, by time.monotonic; 0 before
    """

    __slots__ = ("answer", "arguments", "began", "error", "function", "future", "pace", "thread")

    def __init__(
        self, pace: Pace, function: Callable[..., Any], arguments: tuple[Any, ...], future: Any
    ) -> None:
        self.pace, self.function, self.arguments = pace, function, arguments
        self.future: asyncio.Future[Any] = future
        self.thread: Thread | None = None
        self.began = 0.0
        self.answer: Any = None
        self.error: BaseException | None = None


class Thread:
    """One thread: `count` calls are its own, and `current` is the one that it runs."""

    def __init__(self, done: Callable[[Call, bool], None]) -> None:
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._done, self.count = done, 0
        self.current: Call | None = None
        # A daemon: who ends the process at once is not to wait for what cannot be interrupted.
        threading.Thread(target=self._work, name="pelton-call", daemon=True).start()

    def take(self, call: Call) -> None:
        call.thread = self
        self.count += 1
        self._calls.put(call)

    def take_back(self) -> list[Call]:
        """The calls that have not begun, which are no longer its own."""
        found: list[Call] = []
        while True:
            try:
                call = self._calls.get_nowait()
            except Empty:
                self.count -= len(found)
                return found
            if call is not None:
                found.append(call)

    def end(self) -> None:
        self._calls.put(None)

    def _work(self) -> None:
        told = 0.0
        while (call := self._calls.get()) is not None:
            call.began = time.monotonic()
            self.current = call
            try:
                call.answer = call.function(*call.arguments)
            except BaseException as error:  # SystemExit, too, is the caller's to be told
                call.error = error
            self.current = None
            now = time.monotonic()
            call.pace.quick = now - call.began < QUICK
            # Of several in a row the last one wakes the loop: it would only wait for our end.
            telling = self._calls.empty() or now - told > LATE
            self._done(call, telling)
            if telling:
                told = now
            del call


class Threads:
    """Runs plain functions for the loop that it is made in.

    >>> async def demo() -> int:
    ...     threads, pace = Threads(), Pace()
    ...     answer = await threads.call(pace, len, "four")
    ...     threads.close()
    ...     return answer
    >>> asyncio.run(demo())
    4
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over: deque[Call] = deque()
        self._told = False  # the loop is on its way to what is over
        self._shared = Thread(self._ended)
        self._spare: list[Thread] = []
        self._looks: asyncio.TimerHandle | None = None

    def call(self, pace: Pace, function: Callable[..., Any], *arguments: Any) -> Any:
        """What the function gives, to be waited for.  It runs to its end whoever waits."""
        call = Call(pace, function, arguments, self._loop.create_future())
        self._place(call)
        return call.future

    def close(self) -> None:
        """Let go of the threads; what is under way goes on."""
        if self._looks is not None:
            self._looks.cancel()
        for each in (self._shared, *self._spare):
            each.end()

    # -- on the loop
    def _place(self, call: Call) -> None:
        if not call.pace.quick:
            self._own().take(call)
            return
        self._shared.take(call)
        if self._shared.count > 1 and self._looks is None:
            self._looks = self._loop.call_later(QUICK, self._look)

    def _own(self) -> Thread:
        return self._spare.pop() if self._spare else Thread(self._ended)

    def _look(self) -> None:
        """Whether a call holds up those behind it; then they go on elsewhere."""
        self._looks, shared = None, self._shared
        self._tell()  # who comes after them may take long
        if shared.count < 2:
            return
        held = shared.current
        if held is not None and time.monotonic() - held.began > QUICK:
            held.pace.quick = False
            self._shared = self._own()
            for each in shared.take_back():
                self._place(each)
            # What was done before the held up one may count on somebody behind it to wake us.
            shared.take(Call(Pace(), _nothing, (), self._loop.create_future()))
        if self._looks is None and self._shared.count > 1:
            self._looks = self._loop.call_later(QUICK, self._look)

    def _tell(self) -> None:
        self._told = False
        while self._over:
            call = self._over.popleft()
            self._free(call.thread)
            if call.future.done():
                continue  # nobody waits for it any more
            if call.error is None:
                call.future.set_result(call.answer)
            else:
                call.future.set_exception(_raised(call.error))

    def _free(self, thread: Thread | None) -> None:
        assert thread is not None
        thread.count -= 1
        if thread.count or thread is self._shared:
            return
        if len(self._spare) < SPARE:
            self._spare.append(thread)
        else:
            thread.end()

    # -- on its threads
    def _ended(self, call: Call, telling: bool) -> None:
        self._over.append(call)
        if telling and not self._told:
            self._told = True
            try:
                self._loop.call_soon_threadsafe(self._tell)
            except RuntimeError:  # the loop has ended, and with it who waited
                pass


def _nothing() -> None:
    pass


def _raised(error: BaseException) -> Exception:
    """The error as a future takes it: what would end the process is a failed call here."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"the call ended by {type(error).__name__}: {error}")
