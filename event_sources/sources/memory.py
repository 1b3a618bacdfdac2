"""A source inside one process: for tests, and to try a handler without a broker.

What was handed out and not acknowledged stays in hand: nobody else could take it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from ..message import Letter, Message
from ..source import Promises, Source


class Memory(Source):
    """
    bodies: what it begins with; `put` adds more
    letters: what was buried here, by place

    >>> asyncio.run(Memory([b"a"]).receive(10, 0))[0].body
    b'a'
    """

    kind: ClassVar[str] = "memory"
    promises: ClassVar[Promises] = Promises(
        redelivers=True,
        counts=True,
        ordered_by="key",
        across_workers=False,
        extends=False,
        requeues=True,
        dead_letters="list",
        note="it lives as long as its process",
    )

    def __init__(self, bodies: Iterable[bytes] = ()) -> None:
        self.letters: dict[str, list[Letter]] = {}
        self._waiting: deque[Message] = deque()
        self._out: dict[str, Message] = {}
        self._count = 0
        self._changed = asyncio.Event()
        for body in bodies:
            self.put(body)

    def put(self, body: bytes, key: str = "") -> Message:
        """One message more, at the end."""
        self._count += 1
        id = str(self._count)
        message = Message(id, body, topic="memory", key=key, lane=key, position=id)
        self._waiting.append(message)
        self._changed.set()
        return message

    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        if not self._waiting and seconds:
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
        found = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._out |= {each.id: each for each in found}
        return found

    async def ack(self, messages: Sequence[Message]) -> None:
        for each in messages:
            self._out.pop(each.id, None)
        self._changed.set()

    async def requeue(self, messages: Sequence[Message]) -> None:
        again = [replace(each, attempt=each.attempt + 1) for each in messages]
        for each in again:
            self._out.pop(each.id, None)
        self._waiting.extendleft(reversed(again))

    async def bury(self, letter: Letter, place: str) -> None:
        self.letters.setdefault(place, []).append(letter)

    async def all_done(self) -> None:
        """Come back when every message is acknowledged."""
        while self._waiting or self._out:
            self._changed.clear()
            await self._changed.wait()
