"""Real threads and a real loop, with bad values, deadlines, cancelled callers and full queues:
every call ends, in an answer of its own or in the right error.  How fast is no matter here."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from typing import Any, Literal, TypedDict

import pytest

from pelton import Context, DeadlineExceeded, Graph, Overloaded, steps

pytestmark = pytest.mark.slow


class Limits(TypedDict, total=False):
    """Words of `steps.batched`, typed so that one which it knows no more is found unrun."""

    max_rows: int
    max_wait: float
    concurrency: int
    room: int
    full: Literal["refuse", "wait"]


BAD = 13.0
LIMITS: list[Limits] = [
    {},
    {"concurrency": 3},
    {"room": 9, "full": "wait"},
    {"room": 5},
    {"max_wait": 0.0},
]


def score(rows: list[list[float]]) -> list[float]:
    assert len({len(each) for each in rows}) == 1 and len(rows) <= 7
    if any(each[-1] == BAD for each in rows):
        raise LookupError(BAD)
    if random.random() < 0.02:
        time.sleep(0.003)
    return [sum(each) for each in rows]


async def score_later(rows: list[list[float]]) -> list[float]:
    await asyncio.sleep(random.random() * 0.003)
    return score(rows)


def come(row: list[float]) -> list[float]:
    if random.random() < 0.1:
        time.sleep(0.001)
    return row


async def come_later(row: list[float]) -> list[float]:
    await asyncio.sleep(random.random() * 0.004)
    return row


def values(seed: int, count: int) -> Iterator[tuple[list[float], Context | None]]:
    draw = random.Random(seed)
    for number in range(count):
        bad = [BAD] if draw.random() < 0.05 else []
        row = [seed * 1000.0 + number, *[1.0] * draw.randrange(3), *bad]
        late = draw.random() < 0.2
        yield row, Context(deadline=time.time() + draw.choice([5, 0.0005])) if late else None


def batched(step: Any, given: Limits) -> Any:
    limits: Limits = {"max_rows": 7, "max_wait": 0.002, **given}
    return steps.batched(step, **limits)


@pytest.mark.parametrize("limits", LIMITS, ids=str)
def test_threads(limits: Limits) -> None:
    run = (Graph("g", list[float]) >> come >> batched(score, limits)).compile()
    wrong: list[Any] = []

    def work(seed: int) -> None:
        for row, context in values(seed, 150):
            try:
                if run(row, context) != sum(row):
                    wrong.append(row)
            except LookupError:
                wrong.extend([row] if row[-1] != BAD else [])
            except (Overloaded, DeadlineExceeded) as error:
                fine = isinstance(error, Overloaded) if context is None else True
                wrong.extend([] if fine and ("room" in limits or context) else [error])

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(24)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(120)
    worker: Any = run._worker
    assert not any(each.is_alive() for each in threads)
    assert wrong == [] and worker.in_flight.count == 0


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("step", [score, score_later])
def test_tasks(step: Any, limits: Limits) -> None:
    run = (Graph("g", list[float]) >> come_later >> batched(step, limits)).compile()
    wrong: list[Any] = []

    async def work(seed: int) -> None:
        for row, context in values(seed, 50):
            patience = random.random() * 0.01 if random.random() < 0.2 else 120.0
            try:
                if await asyncio.wait_for(run(row, context), patience) != sum(row):
                    wrong.append(row)
            except LookupError:
                wrong.extend([row] if row[-1] != BAD else [])
            except Overloaded as error:
                wrong.extend([] if "room" in limits else [error])
            except TimeoutError as error:
                wrong.extend([] if context or patience < 1 else [error])

    async def main() -> None:
        await asyncio.gather(*(work(seed) for seed in range(40)))

    asyncio.run(main())
    worker: Any = run._worker
    assert wrong == [] and worker.in_flight.count == 0
