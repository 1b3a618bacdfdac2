"""A loop that stands still: how long, and in which step, is said."""

from __future__ import annotations

import asyncio
import time

from pelton import Graph
from pelton.cli.loop_watch import LoopWatch, sentence

WATCH: list[LoopWatch] = []


async def holds(n: int) -> int:
    ends = time.monotonic() + 20
    while "step" not in WATCH[-1].where and time.monotonic() < ends:
        pass
    return n


async def lives(n: int) -> int:
    await asyncio.sleep(0)
    return n


def test_it_says_which_step_holds_it_and_the_line() -> None:
    async def main() -> list[str]:
        said: list[str] = []
        WATCH.append(LoopWatch(said.append, every=0.01, long=0.02))
        await asyncio.sleep(0)
        assert await (Graph("slow", int) >> lives >> holds).acall(3) == 3
        while not any("in step" in line for line in said):  # a slow machine may be told of as well
            await asyncio.sleep(0.01)
        WATCH[-1].stop()
        return said

    said = next(line for line in asyncio.run(main()) if "in step" in line)
    assert f"s, in step slow/holds ({__file__}:" in said
    assert "write it with a plain def" in said


def test_without_a_step_it_says_how_long() -> None:
    assert "stood still for 1.3 s: an async" in sentence(1.26, "")
