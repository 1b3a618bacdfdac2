"""One at a time for each key, however many come: threads and tasks wait for their turn alike."""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any


class Turns:
    """Turns by key; only keys that somebody has or waits for take room.

    waits: whether turns are waited for on a loop; else by blocking the thread

    >>> from .drive import drive
    >>> turns = Turns(waits=False)
    >>> async def demo() -> str:
    ...     async with turns.of("a"):
    ...         return "mine"
    >>> drive(demo()), len(turns)
    ('mine', 0)
    """

    def __init__(self, *, waits: bool) -> None:
        self._waits = waits
        self._turns: dict[Any, tuple[Any, int]] = {}
        self._lock = allocate_lock()

    def __len__(self) -> int:
        return len(self._turns)

    @asynccontextmanager
    async def of(self, key: Any) -> AsyncIterator[None]:
        """The key's turn; without `waits` it never waits for a loop."""
        turn = self._join(key)
        try:
            if self._waits:
                async with turn:
                    yield
            else:
                with turn:
                    yield
        finally:
            self._leave(key)

    def _join(self, key: Any) -> Any:
        with self._lock:
            turn, count = self._turns.get(key) or (self._maker()(), 0)
            self._turns[key] = turn, count + 1
            return turn

    def _leave(self, key: Any) -> None:
        with self._lock:
            turn, count = self._turns[key]
            if count == 1:
                del self._turns[key]
            else:
                self._turns[key] = turn, count - 1

    def _maker(self) -> Callable[[], Any]:
        if not self._waits:
            return allocate_lock
        import asyncio

        return asyncio.Lock
