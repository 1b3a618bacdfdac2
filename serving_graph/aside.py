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
    grace: seconds that `drain` and `close` wait for what was taken

    >>> done = []
    >>> aside = Aside(room=2)
    >>> aside.take(lambda: done.append("work"))
    True
    >>> aside.close()
    >>> done
    ['work']
    """

    def __init__(self, room: int, *, waits: bool = False, grace: float = 5.0) -> None:
        import threading

        self._room, self._waits, self._grace = room, waits, grace
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._open = 0  # waiting or in progress
        self._closed = False
        self._thread: threading.Thread | None = None
        self._wake: Callable[[], object] | None = None

    def __len__(self) -> int:
        return self._open

    def take(self, job: Job) -> bool:
        """Whether there was room for it."""
        with self._changed:
            if self._closed or self._open >= self._room:
                return False
            self._open += 1
            self._jobs.append(job)
            if self._thread is None:
                self._thread = self._start()
            self._tell()
        return True

    def _start(self) -> Any:
        import threading

        target = self._run_loop if self._waits else self._run
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
        with self._changed:
            return self._changed.wait_for(lambda: self._open == 0, self._grace)

    def close(self) -> None:
        """Take nothing more, and let what was taken be done within the grace."""
        with self._changed:
            self._closed = True
            self._tell()
        if self._thread is not None:
            self._thread.join(self._grace)


def _say(error: Exception) -> None:
    """Where the errors of threads go that nobody waits for; the thread goes on."""
    import threading

    given = (type(error), error, error.__traceback__, threading.current_thread())
    threading.excepthook(threading.ExceptHookArgs(given))
