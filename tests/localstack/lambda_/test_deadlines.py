"""One timer for one event after another: each has its whole time, and none has more.

By the machine's clock, as deadlines are; a busy machine only makes them later.
"""

from __future__ import annotations

import asyncio
import time

from pelton.localstack.lambda_.deadlines import Deadline

SHORT, LONG = 0.02, 60.0


class Watch:
    """A deadline, and when it was missed."""

    def __init__(self) -> None:
        self.missed: list[float] = []
        self.someone = asyncio.Event()
        self.deadline = Deadline(self._late)

    def _late(self) -> None:
        self.missed.append(time.perf_counter())
        self.someone.set()


def test_an_event_has_its_whole_time_however_old_the_timer_is() -> None:
    async def run() -> None:
        watch = Watch()
        watch.deadline.begin(SHORT)
        watch.deadline.end()
        await asyncio.sleep(SHORT / 2)
        began = time.perf_counter()
        watch.deadline.begin(SHORT)
        await watch.someone.wait()
        assert watch.missed[0] - began >= SHORT

    asyncio.run(run())


def test_a_shorter_time_after_a_longer_one_is_kept() -> None:
    async def run() -> None:
        watch = Watch()
        watch.deadline.begin(LONG)
        watch.deadline.end()
        watch.deadline.begin(SHORT)
        async with asyncio.timeout(LONG / 2):
            await watch.someone.wait()

    asyncio.run(run())


def test_what_has_ended_is_never_late() -> None:
    async def run() -> None:
        watch, other = Watch(), Watch()
        watch.deadline.begin(SHORT)
        watch.deadline.end()
        other.deadline.begin(SHORT)
        other.deadline.close()
        await asyncio.sleep(SHORT * 3)
        assert watch.missed == other.missed == []
        watch.deadline.begin(SHORT)  # it is good for more
        await watch.someone.wait()
        assert len(watch.missed) == 1

    asyncio.run(run())
