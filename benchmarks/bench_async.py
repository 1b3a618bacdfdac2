"""A thousand requests in flight over a step that waits 10 ms, against plain `asyncio.gather`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

from pelton import Graph

from .row import Row

REQUESTS, SECONDS, ROUNDS = 1000, 0.010, 50


def read(value: int) -> int:
    return value + 1


async def fetch(value: int) -> int:
    await asyncio.sleep(SECONDS)
    return value * 2


def shape(value: int) -> int:
    return value - 3


async def by_hand(value: int) -> int:
    return shape(await fetch(read(value)))


async def rate(call: Callable[[int], Awaitable[Any]]) -> float:
    """Requests a second, all of them in flight at once."""
    start = perf_counter()
    await asyncio.gather(*(call(value) for value in range(REQUESTS)))
    return REQUESTS / (perf_counter() - start)


async def rates(ours: Callable[[int], Awaitable[Any]]) -> tuple[float, float]:
    """The best round of each, taken in turns."""
    best = [0.0, 0.0]
    for _ in range(ROUNDS):
        best[0] = max(best[0], await rate(by_hand))
        best[1] = max(best[1], await rate(ours))
    return best[0], best[1]


def measure() -> list[Row]:
    """Requests a second."""
    graph = Graph("fetched", int) >> read >> fetch >> shape
    graph.load()
    floor, ours = asyncio.run(rates(graph))
    what = "1,000 requests in flight over a 10 ms step, over plain gather"
    return [Row(what, floor, ours, "/s", value=ours / floor, bound=0.9, at_least=True)]
