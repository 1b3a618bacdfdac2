"""Plain calls that block, kept off the loop of an async graph: in a bounded number of threads."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any


class Pool:
    """The threads of one step on one worker; they are started by the calls that need them.

    A call that is given up goes on in its thread, as nothing can end it from outside.

    >>> import asyncio
    >>> pool = Pool("demo", 2)
    >>> asyncio.run(pool.lifted(len)("four"))
    4
    >>> pool.close()
    """

    def __init__(self, path: str, threads: int) -> None:
        self._path, self._threads = path, threads
        self._made: Any = None

    def lifted(self, call: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
        """The function that is awaited for what `call` gives in a thread."""

        async def lift(*given: Any, **more: Any) -> Any:
            import asyncio
            from contextvars import copy_context

            work = partial(copy_context().run, call, *given, **more)
            return await asyncio.get_running_loop().run_in_executor(self._pool(), work)

        return lift

    def _pool(self) -> Any:
        if self._made is None:
            from concurrent.futures import ThreadPoolExecutor

            self._made = ThreadPoolExecutor(self._threads, f"pelton-{self._path}")
        return self._made

    def close(self) -> None:
        """Let the threads end when their calls do."""
        if self._made is not None:
            self._made.shutdown(wait=False, cancel_futures=False)
