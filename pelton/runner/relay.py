"""An event loop that threads take turns to run, so that plain functions need not be handed over.

Who runs the loop runs quick functions as well, between two turns of it: a request that is answered
quickly costs no change of threads.  Another thread watches.  A function that takes long after all
keeps its thread, and the loop goes on in another, `QUICK` seconds later: nobody waits for it, and
a function may call its own server.  Functions that are known to take long have threads of their
own from the start.

No function runs inside a turn of the loop, so each may run a loop of its own.  What functions and
their answers are about is not known here.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from queue import SimpleQueue
from typing import Any, TypeVar

_Job = tuple[Callable[..., object], tuple[Any, ...]]
T = TypeVar("T")

QUICK = 0.005  # seconds of a call that others may wait behind
LATE = 0.001  # seconds that an answer may wait for those behind it
SPARE = 32  # threads that are kept though nothing is to be done


class Pace:
    """What is known of a function's calls; nothing yet, so the first has a thread of its own."""

    __slots__ = ("quick",)

    def __init__(self) -> None:
        self.quick = False


class Call:
    """One call: what is to be run, and who is told on the loop when it is over."""

    __slots__ = ("answer", "arguments", "done", "error", "function", "pace")

    def __init__(
        self,
        pace: Pace,
        done: Callable[[Call], object],
        function: Callable[..., Any],
        *arguments: Any,
    ) -> None:
        self.pace, self.done, self.function, self.arguments = pace, done, function, arguments
        self.answer: Any = None
        self.error: BaseException | None = None

    def run(self) -> float:
        """When it had ended, by time.monotonic()."""
        began = time.monotonic()
        try:
            self.answer = self.function(*self.arguments)
        except BaseException as error:  # SystemExit, too, is the caller's to be told
            self.error = error
        ended = time.monotonic()
        self.pace.quick = ended - began < QUICK
        return ended


class Relay:
    """Runs a loop, and plain functions beside it.

    >>> told: list[int] = []
    >>> with asyncio.Runner() as runner:
    ...     relay = Relay(runner.get_loop())
    ...     async def main() -> int:
    ...         over = asyncio.Event()
    ...         relay.begin(Call(Pace(), lambda call: over.set(), told.append, 4))
    ...         await over.wait()
    ...         return told[0]
    ...     relay.run(main())
    4
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._quick: deque[Call] = deque()  # to be run by who has the loop
        self._threads = _Threads()
        self._lock = threading.Lock()
        self._current: Call | None = None  # is run by who has the loop, which may be taken away
        self._begun = 0  # how many were
        self._stirred = threading.Event()  # there is something to watch
        self._over = False
        self._failed: BaseException | None = None

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """What `main` gives.  The loop runs in other threads than this one, which watches; so
        signals, which are handled in the main thread, interrupt neither loop nor functions.
        """
        task = self._loop.create_task(main)
        task.add_done_callback(lambda _: self._loop.stop())
        self._threads.run(self._lead, task)
        self._watch(task)
        self._threads.end()
        if self._failed is not None:
            raise self._failed
        return task.result()

    def begin(self, call: Call) -> None:
        """Have the call run to its end, and told on the loop.  To be called there."""
        if not call.pace.quick:
            self._threads.run(self._alone, call)
            return
        self._quick.append(call)
        if len(self._quick) == 1:
            self._loop.stop()  # this turn of it is the last before the call

    # -- in the thread that has the loop
    def _lead(self, main: asyncio.Task[Any]) -> None:
        try:
            while not main.done():
                if not self._run_quick():
                    return
                self._loop.run_forever()
        except BaseException as error:  # it is the caller of `run` who is to be told
            self._failed = error
        self._over = True
        self._stirred.set()

    def _run_quick(self) -> bool:
        """Run the calls that wait; False when one of them has cost this thread the loop."""
        late = time.monotonic() + LATE
        while self._quick:
            call = self._quick.popleft()
            if not call.pace.quick:  # one like it has turned out to be slow
                self._threads.run(self._alone, call)
                continue
            self._take(call)
            ended = call.run()
            if not self._keeps(call):
                self._tell(call)
                return False
            self._loop.call_soon(call.done, call)
            if ended > late:
                break
        if self._quick:
            self._loop.stop()  # the next turn is a look at who has come
        return True

    def _take(self, call: Call) -> None:
        with self._lock:
            self._current = call
            self._begun += 1
            if not self._stirred.is_set():
                self._stirred.set()

    def _keeps(self, call: Call) -> bool:
        with self._lock:
            kept = self._current is call
            if kept:
                self._current = None
        return kept

    # -- in the thread that watches
    def _watch(self, main: asyncio.Task[Any]) -> None:
        """Look, as long as there are calls, whether one holds up those behind it."""
        seen: Call | None = None
        begun = 0
        while not self._over:
            self._stirred.wait()
            time.sleep(QUICK)
            with self._lock:
                if seen is not None and seen is self._current:
                    seen.pace.quick, self._current = False, None
                    self._threads.run(self._lead, main)
                elif self._begun == begun and not self._over:
                    self._stirred.clear()
                seen, begun = self._current, self._begun

    # -- in threads that have no loop
    def _alone(self, call: Call) -> None:
        call.run()
        self._tell(call)

    def _tell(self, call: Call) -> None:
        try:
            self._loop.call_soon_threadsafe(call.done, call)
        except RuntimeError:  # the loop has ended, and with it who waited
            pass


class _Threads:
    """Threads that each run one thing after the other, and are kept when it is over."""

    def __init__(self) -> None:
        self._spare: deque[SimpleQueue[_Job | None]] = deque()
        self._ended = False

    def run(self, function: Callable[..., object], *arguments: Any) -> None:
        try:
            jobs = self._spare.pop()
        except IndexError:
            jobs = SimpleQueue()
            # A daemon: who ends the process at once does not wait for what cannot be interrupted.
            name = "pelton-call"
            threading.Thread(target=self._work, args=[jobs], name=name, daemon=True).start()
        jobs.put((function, arguments))

    def end(self) -> None:
        """Let go of the threads; what is under way goes on."""
        self._ended = True
        while self._spare:
            self._spare.pop().put(None)

    def _work(self, jobs: SimpleQueue[_Job | None]) -> None:
        while (job := jobs.get()) is not None:
            function, arguments = job
            function(*arguments)
            del job, function, arguments
            if len(self._spare) >= SPARE:
                return
            self._spare.append(jobs)
            if self._ended:
                self.end()
