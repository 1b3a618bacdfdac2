"""Many events through policies at once, callers that go away any moment: nothing is left over."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from pelton import Context, DeadlineExceeded, Graph, Overloaded, parallel, steps
from pelton.handlers.metrics import Metrics
from pelton.serving_graph.clock import ManualClock
from pelton.serving_graph.watch import StepWatch

CLOCK = [ManualClock()]
INSIDE: Counter[str] = Counter()


async def work(n: int) -> int:
    INSIDE["now"] += 1
    INSIDE["most"] = max(INSIDE["most"], INSIDE["now"])
    try:
        await CLOCK[0].wait(n % 7)
        if n % 5 == 0:
            raise ConnectionError(n)
        return n
    finally:
        INSIDE["now"] -= 1


def level(metrics: Metrics, name: str) -> float:
    return sum(float(each.value) for family, _, each in metrics if family.name.endswith(name))


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_left_over(seed: int) -> None:
    chance, clock, metrics = random.Random(seed), ManualClock(), Metrics()
    CLOCK[0] = clock
    INSIDE.clear()
    tried = steps.retry(steps.timeout(steps.hedge(work, after=2), 5), attempts=2, jitter=0)
    graph = Graph("g", int) >> steps.limit(
        parallel(one=steps.optional(tried), two=tried), concurrency=3, room=20, name="gate"
    )
    run = graph.compile(clock=clock, watch=StepWatch(metrics))

    async def main() -> None:
        tasks: list[asyncio.Task[Any]] = []
        for n in range(60):
            deadline = clock.now() + chance.choice([1, 8, 40])
            context = Context(deadline=deadline, clock=clock.now)
            tasks.append(asyncio.ensure_future(run(n, context)))
            await clock.advance(chance.choice([0, 0, 1, 3]))
            if chance.random() < 0.4:
                chance.choice(tasks).cancel()
        await clock.advance(1000)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        allowed = (dict, ConnectionError, DeadlineExceeded, Overloaded, asyncio.CancelledError)
        assert all(isinstance(each, allowed) for each in ends)
        assert any(isinstance(each, dict) for each in ends)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert INSIDE["now"] == 0
    assert INSIDE["most"] <= 3 * 2 * 2
    assert level(metrics, "_running") == level(metrics, "_queue_depth") == 0
