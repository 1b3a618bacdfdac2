"""The one shape of a broker in the benchmark of event sources: its messages, a floor, and ours.

`Kept` is a broker that keeps messages: they are there when a consumer begins.  `Pushed` is one that
keeps none: they are sent when everybody listens.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Awaitable, Callable
from itertools import count
from typing import ClassVar

from pelton.event_sources import Batch, Delivery, Rules, Source

from ..row import Row

MESSAGES, ROUNDS = 10_000, 2
BODY = b'{"n": 1, "text": "something to read"}'
NAMES = (f"bench{number}" for number in count())


class Consumed(ABC):
    """Messages of one broker, under one name after the other.

    what:     the broker in words
    messages: how many are consumed each time
    """

    what: ClassVar[str]
    messages: ClassVar[int] = MESSAGES

    def __init__(self, address: str) -> None:
        self.address = address

    @abstractmethod
    def source(self, name: str) -> Source:
        """Ours, for what is there under that name."""

    @abstractmethod
    async def put(self, name: str) -> None:
        """All messages, under that name."""

    @abstractmethod
    async def floor(self, name: str) -> float:
        """Messages a second of the client library's own loop of consuming and acknowledging."""

    @abstractmethod
    async def rate(self, name: str, batch: int) -> float:
        """Messages a second of ours in batches of that many; of the floor for 0."""

    async def rows(self) -> list[Row]:
        """One a batch and a hundred, over the floor: each the best of its rounds."""
        found = {0: 0.0, 1: 0.0, 100: 0.0}
        for _ in range(ROUNDS):
            for batch in found:
                found[batch] = max(found[batch], await self.rate(next(NAMES), batch))
        return [row(self.what, batch, found[0], found[batch]) for batch in (1, 100)]


class Kept(Consumed):
    """Of a broker that keeps messages."""

    async def rate(self, name: str, batch: int) -> float:
        await self.put(name)
        if not batch:
            return await self.floor(name)
        return await consumed(self.source(name), batch, self.messages)


class Pushed(Consumed):
    """Of a broker that keeps none: the floor asks for them when it listens."""

    async def rate(self, name: str, batch: int) -> float:
        if not batch:
            return await self.floor(name)
        return await consumed(self.source(name), batch, self.messages, lambda: self.put(name))


async def all_of(messages: AsyncIterable[object]) -> None:
    """Until as many have come as were put."""
    seen = 0
    async for _ in messages:
        seen += 1
        if seen == MESSAGES:
            break


def row(what: str, batch: int, floor: float, ours: float) -> Row:
    said = f"{what}, no-op handler, batches of {batch}, over the client's own loop"
    return Row(said, floor, ours, "/s", value=ours / floor, bound=0.6, at_least=True)


async def consumed(
    source: Source,
    batch: int,
    messages: int,
    begin: Callable[[], Awaitable[None]] | None = None,
    from_first: bool = False,
) -> float:
    """Messages a second of a delivery, until the last one is acknowledged."""
    seen, start, done = 0, 0.0, asyncio.Event()

    def handle(given: Batch) -> None:
        nonlocal seen, start
        if from_first and not seen:
            start = time.perf_counter()
        seen += len(given.messages)
        if seen >= messages:
            done.set()

    delivery = Delivery(source, handle, Rules(batch=batch, in_flight=2000))
    start = time.perf_counter()
    await delivery.start()
    if begin is not None:
        while delivery.status.state != "ready":
            await asyncio.sleep(0.001)
        start = time.perf_counter()
        await begin()
    await done.wait()
    while delivery.held:
        await asyncio.sleep(0)
    seconds = time.perf_counter() - start
    await delivery.stop()
    return messages / seconds
