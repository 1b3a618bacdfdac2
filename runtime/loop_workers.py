"""`Workers`: what a server with an event loop calls functions by: threads for those that do not
wait, the loop itself for those that do, and a bound on both.

Nothing is queued without a bound: who comes when all is taken is told so (429), at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import Lock
from typing import Any

from ..handlers.errors import Overloaded


class Workers:
    """Threads for plain functions, and the count of what is under way.

    threads: how many plain functions run at once
    most:    how many calls may be under way or waiting for a thread

    >>> async def demo() -> int:
    ...     workers = Workers()
    ...     async with workers.place():
    ...         return await workers.call(len, "four")
    >>> asyncio.run(demo())
    4
    """

    def __init__(self, *, threads: int = 8, most: int = 1024) -> None:
        self._threads = ThreadPoolExecutor(threads, "pelton-call")
        self._most, self._taken = most, 0
        self._busy, self._lock = 0, Lock()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A call's place.  Raises `Overloaded` where there is none."""
        if self._taken >= self._most:
            raise Overloaded(f"{self._taken} calls are under way, as many as this server takes")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """What a plain function gives, from one of the threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._call, function, args)

    def _call(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        with self._lock:
            self._busy += 1
        try:
            return function(*args)
        finally:
            with self._lock:
                self._busy -= 1

    def close(self, seconds: float) -> bool:
        """Take no more calls and wait for those on a thread: whether they ended in that time."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        until = time.monotonic() + seconds
        while self._busy and time.monotonic() < until:
            time.sleep(0.01)
        return not self._busy
