"""Work beside the events: on a thread of its own, as much as there is room for, never in their way.

Whoever hands work over neither waits for it nor hears of its errors: what the work does not catch
goes to `threading.excepthook`.  Knows no step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

Job = Callable[[], Any]  # gives a coroutine where `waits`


class Aside:
    """One thread for the work of one step; it is started by the first piece of work.

    room:  how many pieces may wait or be in progress; what comes above it is not taken
    waits: whether the work is coroutines: then they run together, on a loop of the thread's own
    grace: seconds that `drain` and `close` wait for what was taken; a program that ends waits, too
    late:  what `close` calls with the number of pieces that were not done by then
    awaited: whether a worker that is about to stand still waits for it, see `Worker.asides`

    >>> done = []
    >>> aside = Aside(room=2)
    >>> aside.take(lambda: done.append("work"))
    True
    >>> aside.close()
    >>> done
    ['work']
    """

    def __init__(
        self,
        room: int,
        *,
        waits: bool = False,
        grace: float = 5.0,
        late: Callable[[int], object] | None = None,
        awaited: bool = True,
    ) -> None:
        import threading

        self.waits, self.awaited = waits, awaited
        self._room, self._grace, self._late = room, grace, late
        self._told: list[Callable[[], object]] = []  # who waits for room, on loops
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._open = 0  # waiting or in progress
        self._closed = False
        self._thread: threading.Thread | None = None
        self._wake: Callable[[], object] | None = None

    def __len__(self) -> int:
        return self._open

    def take(self, job: Job, within: float | None = 0.0) -> bool:
        """Whether there was room for it, `within` seconds (None: however long it takes)."""
        with self._changed:
            if within != 0:
                self._changed.wait_for(lambda: self._closed or self._open < self._room, within)
            if self._closed or self._open >= self._room:
                return False
            self._open += 1
            self._jobs.append(job)
            if self._thread is None:
                self._thread = self._start()
            self._tell()
        return True

    async def take_waiting(self, job: Job, within: float | None = 0.0) -> bool:
        """`take`, which leaves the loop to others while it waits for room."""
        if within == 0 or self._closed:
            return self.take(job)
        import asyncio

        try:
            async with asyncio.timeout(within):
                while not self.take(job):
                    if self._closed:
                        return False
                    await self._room_again()
        except TimeoutError:
            return False
        return True

    async def _room_again(self) -> None:
        import asyncio

        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(woken.set)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more

        with self._changed:
            if self._closed or self._open < self._room:
                return
            self._told.append(wake)
        await woken.wait()

    def _start(self) -> Any:
        import atexit
        import threading

        atexit.register(self.close)
        target = self._run_loop if self.waits else self._run
        thread = threading.Thread(target=target, name="pelton-aside", daemon=True)
        thread.start()
        return thread

    def _tell(self) -> None:
        """Wake the thread, whether it waits for the condition or on its loop; under the lock."""
        self._changed.notify_all()
        if self._wake is not None:
            self._wake()

    def _done(self) -> None:
        with self._changed:
            self._open -= 1
            self._changed.notify_all()
            self._wake_waiting()

    def _wake_waiting(self) -> None:
        told, self._told = self._told, []
        for wake in told:
            wake()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._closed)
                if not self._jobs:
                    return
                job = self._jobs.popleft()
            try:
                job()
            except Exception as error:
                _say(error)
            finally:
                self._done()

    def _run_loop(self) -> None:
        import asyncio

        asyncio.run(self._serve())

    async def _serve(self) -> None:
        import asyncio

        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()
        while True:
            with self._changed:
                self._wake = lambda: loop.call_soon_threadsafe(woken.set)
                jobs, closed = list(self._jobs), self._closed
                self._jobs.clear()
            for job in jobs:
                task = asyncio.create_task(self._await(job()))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            if closed:
                break
            await woken.wait()
            woken.clear()
        with self._changed:
            self._wake = None
        await asyncio.gather(*tasks)

    async def _await(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except Exception as error:
            _say(error)
        finally:
            self._done()

    def drain(self) -> bool:
        """Wait until everything taken is done; whether it was, within the grace."""
        return self.settle(None)

    def settle(self, within: float | None) -> bool:
        """`drain` within seconds of the caller's own; None: within the grace."""
        with self._changed:
            seconds = self._grace if within is None else within
            return self._changed.wait_for(lambda: self._open == 0, seconds)

    def close(self) -> None:
        """Take nothing more, and let what was taken be done within the grace."""
        import atexit

        atexit.unregister(self.close)
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._tell()
            self._wake_waiting()
        if self._thread is not None:
            self._thread.join(self._grace)
        if self._open and self._late is not None:
            self._late(self._open)


def _say(error: Exception) -> None:
    """Where the errors of threads go that nobody waits for; the thread goes on."""
    import threading

    given = (type(error), error, error.__traceback__, threading.current_thread())
    threading.excepthook(threading.ExceptHookArgs(given))
