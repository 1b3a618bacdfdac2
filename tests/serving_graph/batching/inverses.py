"""The steps of a small graph with a batched one, and the batches that it was given."""

from __future__ import annotations

import asyncio

from pelton import InvalidInput, Overloaded

CALLS: list[list[float]] = []


def positive(n: float) -> float:
    if n < 0:
        raise InvalidInput([{"path": [], "message": "negative", "type": "sign"}])
    if n == 14:
        raise Overloaded("14 is too much", after=7)
    return n


async def later_positive(n: float) -> float:
    await asyncio.sleep(0)
    return positive(n)


def inverse(values: list[float]) -> list[float]:
    CALLS.append(values)
    return [1 / each for each in values]
