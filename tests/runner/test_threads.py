"""Threads beside a loop: quick calls share one, and nobody is held up by a slow one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pelton.runner.threads import SPARE, Pace, Threads


def run(test: Callable[[Threads], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        threads = Threads()
        try:
            await asyncio.wait_for(test(threads), 60)
        finally:
            threads.close()

    asyncio.run(main())


def quick() -> Pace:
    pace = Pace()
    pace.quick = True
    return pace


def test_quick_calls_share_a_thread_in_their_order() -> None:
    async def test(threads: Threads) -> None:
        seen: list[int] = []
        pace = quick()
        await asyncio.gather(*(threads.call(pace, seen.append, n) for n in range(50)))
        assert seen == list(range(50))

    run(test)


def test_a_call_that_waits_for_another_is_not_before_it() -> None:
    """Each but the last waits for the last: as of a function that was quick until now."""

    async def test(threads: Threads) -> None:
        pace, open_ = quick(), threading.Event()
        waiting = [threads.call(pace, open_.wait, 50) for _ in range(SPARE + 8)]
        await threads.call(pace, open_.set)
        assert all(await asyncio.gather(*waiting))
        assert await threads.call(pace, len, "abc") == 3

    run(test)


def test_answers_are_not_kept_for_those_behind_them() -> None:
    """Quick calls before a slow one are answered, whenever it is that it holds up their thread."""

    async def test(threads: Threads) -> None:
        for place in range(12):
            pace, open_ = quick(), threading.Event()
            before = [threads.call(pace, len, "abc") for _ in range(place)]
            held = threads.call(pace, open_.wait, 50)
            behind = [threads.call(quick(), len, "ab") for _ in range(12 - place)]
            assert await asyncio.gather(*before, *behind) == [3] * place + [2] * (12 - place)
            open_.set()
            assert await held

    run(test)


def test_functions_of_unknown_pace_have_threads_of_their_own() -> None:
    async def test(threads: Threads) -> None:
        meeting, pace = threading.Barrier(8), Pace()
        await asyncio.gather(*(threads.call(pace, meeting.wait, 50) for _ in range(8)))

    run(test)


def test_errors_reach_who_waits() -> None:
    def fails(error: BaseException) -> None:
        raise error

    async def test(threads: Threads) -> None:
        for error, seen in ((KeyError("x"), KeyError), (SystemExit(3), RuntimeError)):
            with pytest.raises(seen):
                await threads.call(quick(), fails, error)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await threads.call(Pace(), fails, StopIteration())

    run(test)


def test_who_waits_no_more_is_not_told() -> None:
    async def test(threads: Threads) -> None:
        go, done = threading.Event(), threading.Event()

        def wait() -> None:
            go.wait(50)
            done.set()

        call = threads.call(Pace(), wait)
        call.cancel()
        go.set()
        while not done.is_set():
            await asyncio.sleep(0)
        assert await threads.call(quick(), len, "a") == 1

    run(test)
