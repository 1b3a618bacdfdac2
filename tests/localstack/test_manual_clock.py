"""The manual clock: sleepers in order, time that waits for work, pauses that are no events."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.localstack.clock import RealClock
from pelton.localstack.manual_clock import ManualClock, Restless


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3)), max_size=12))
def test_sleepers_wake_by_time_then_rank_then_in_the_order_of_asking(
    naps: list[tuple[int, int]],
) -> None:
    async def main() -> list[int]:
        clock, woken = ManualClock(start=0.0), list[int]()

        async def nap(number: int, seconds: int, rank: int) -> None:
            await clock.sleep(seconds + 1, rank)
            assert clock.time() == seconds + 1
            woken.append(number)

        async with asyncio.TaskGroup() as group:
            for number, (seconds, rank) in enumerate(naps):
                group.create_task(nap(number, seconds, rank))
            await clock.advance(100)
        return woken

    expected = [number for number, _ in sorted(enumerate(naps), key=lambda each: each[1])]
    assert asyncio.run(main()) == expected


@pytest.mark.fidelity("Clock", "the manual clock stands still until work in other processes ends")
def test_time_waits_for_work_that_another_thread_ends() -> None:
    async def main() -> list[tuple[str, float]]:
        clock, seen = ManualClock(start=0.0), list[tuple[str, float]]()
        loop = asyncio.get_running_loop()

        async def work() -> None:
            await clock.sleep(10)
            with clock.busy("an answer of another process"):
                answered = loop.create_future()
                threading.Timer(
                    0.05, loop.call_soon_threadsafe, (answered.set_result, None)
                ).start()
                await answered
                seen.append(("worked", clock.time()))
            await clock.sleep(5)
            seen.append(("slept on", clock.time()))

        task = loop.create_task(work())
        await clock.advance(3600)
        await task
        return seen

    assert asyncio.run(main()) == [("worked", 10.0), ("slept on", 15.0)]


@pytest.mark.fidelity("Clock", "what never comes to rest is named, after a bound of real time")
class Meddling(asyncio.SelectorEventLoop):
    """A loop in which something happens while somebody is about to wait."""

    meanwhile: Callable[[], None] | None = None

    def create_future(self) -> asyncio.Future[Any]:
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            act()
        return super().create_future()


def test_work_that_ends_while_one_begins_to_wait_for_it() -> None:
    """A thread ends it between the look and the wait: time does not stand until patience is out."""

    async def main() -> float:
        clock, loop = ManualClock(start=0.0, patience=3600), asyncio.get_running_loop()
        assert isinstance(loop, Meddling)
        token = clock.begin("a thread's work")
        loop.meanwhile = lambda: clock.end(token)
        return await clock.advance(1)

    with asyncio.Runner(loop_factory=Meddling) as runner:
        assert runner.run(main()) == 1


def test_what_hangs_is_named() -> None:
    async def main() -> str:
        clock = ManualClock(patience=0.05)
        with clock.busy("invocation of f"), pytest.raises(Restless) as raised:
            await clock.advance(1)
        assert await clock.advance(1) == clock.time()  # it ended: time moves again
        return str(raised.value)

    assert "still under way: invocation of f" in asyncio.run(main())


def test_who_pauses_looks_when_something_was_stirred_and_not_for_time() -> None:
    async def main() -> list[float]:
        clock, looks = ManualClock(start=0.0), list[float]()

        async def poll() -> None:
            while True:
                looks.append(clock.time())
                await clock.pause(0.05)

        poller = asyncio.create_task(poll())
        await clock.advance(86400)  # a day, and no more than the looks at its beginning
        looks.clear()
        clock.call_later(7, clock.stir)
        await clock.advance(3600)
        poller.cancel()
        return looks

    assert asyncio.run(main()) == [86407.0]


def test_a_stir_while_one_looks_is_not_lost() -> None:
    async def main() -> list[str]:
        clock, taken = ManualClock(start=0.0), list[str]()
        mail = ["first"]

        async def poll() -> None:
            while True:
                found, mail[:] = list(mail), []
                await asyncio.sleep(0)  # what comes now is missed by this look
                taken.extend(found)
                await clock.pause(0.05)

        poller = asyncio.create_task(poll())
        await asyncio.sleep(0)
        mail.append("second")
        clock.stir()
        await clock.advance(0)
        poller.cancel()
        return taken

    assert asyncio.run(main()) == ["first", "second"]


def test_time_stops_at_moments_of_others_for_those_who_pause() -> None:
    async def main() -> list[float]:
        clock, looks = ManualClock(start=0.0), list[float]()
        due = [30.0, 90.0]
        clock.moments.append(
            lambda: min(((d, clock.stir) for d in due if d > clock.time()), default=None)
        )

        async def poll() -> None:
            while True:
                looks.append(clock.time())
                await clock.pause(0.05, until=60.0 if clock.time() < 60 else None)

        poller = asyncio.create_task(poll())
        await clock.advance(100)
        poller.cancel()
        return sorted(set(looks))

    assert asyncio.run(main()) == [0.0, 30.0, 60.0, 90.0]


def test_the_real_clock_counts_nothing() -> None:
    async def main() -> float:
        clock = RealClock()
        began = clock.time()
        with clock.busy("anything"):
            await clock.pause(0.01)
        clock.stir()
        return clock.time() - began

    assert asyncio.run(main()) >= 0.005
