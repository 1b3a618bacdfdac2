"""Messages of brokers that push and keep nothing: a bounded place between them and who receives.

Who pushes waits while it is full, so that the connection's own bounds hold the sender up; what
pushes at a broken connection says so by `fail`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Collection

from ..errors import Away
from ..message import Message


class Buffer:
    """At most `size` messages.

    >>> async def through() -> list[str]:
    ...     buffer = Buffer(10)
    ...     await buffer.put(Message("1", b""))
    ...     return [each.id for each in await buffer.take(5, 0)]
    >>> asyncio.run(through())
    ['1']
    """

    def __init__(self, size: int) -> None:
        self._size, self._waiting = size, deque[Message]()
        self._failed: Away | None = None
        self._came, self._went = asyncio.Event(), asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether `put` would wait; else `add` is the same, at once."""
        return len(self._waiting) >= self._size

    def add(self, message: Message) -> None:
        """Behind all others, full or not."""
        self._waiting.append(message)
        if not self._came.is_set():
            self._came.set()

    @property
    def room(self) -> int:
        """How many more there is a place for."""
        return max(0, self._size - len(self._waiting))

    def extend(self, messages: Collection[Message]) -> None:
        """As `add`, for many."""
        self._waiting.extend(messages)
        self._came.set()

    async def until_room(self) -> None:
        """Come back when there is a place."""
        while self.full:
            self._went.clear()
            await self._went.wait()

    async def put(self, message: Message) -> None:
        """Behind all others; waits for a place."""
        await self.until_room()
        self.add(message)

    def fail(self, error: Away) -> None:
        """Nothing more will come; who receives is told when all that came is taken."""
        self._failed = error
        self._came.set()

    def reopen(self) -> None:
        """After `fail`: more may come."""
        self._failed = None

    def clear(self) -> list[Message]:
        """All that wait, taken out; more may come."""
        found = list(self._waiting)
        self._waiting.clear()
        self._went.set()
        self.reopen()
        return found

    async def take(self, most: int, seconds: float) -> list[Message]:
        """Up to `most`; none when there was none within `seconds`.  Raises what `fail` was told."""
        if not self._waiting and self._failed is None:
            self._came.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._came.wait()
        if not self._waiting and self._failed is not None:
            raise self._failed
        waiting = self._waiting
        if most < len(waiting):
            found = [waiting.popleft() for _ in range(most)]
        else:
            found = list(waiting)
            waiting.clear()
        self._went.set()
        return found
