"""A loop that threads take turns to run: quick calls are not handed over, slow ones hold nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pelton.runner.relay import SPARE, Call, Pace, Relay


class Calls:
    """Calls of one relay, to be waited for."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def __call__(self, pace: Pace, function: Callable[..., Any], *arguments: Any) -> Any:
        waits = asyncio.get_running_loop().create_future()

        def done(call: Call) -> None:
            if call.error is not None:
                waits.set_exception(RuntimeError(repr(call.error)))
            elif not waits.done():
                waits.set_result(call.answer)

        self._relay.begin(Call(pace, done, function, *arguments))
        return waits


def run(test: Callable[[Calls], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner() as runner:
        relay = Relay(runner.get_loop())
        relay.run(asyncio.wait_for(test(Calls(relay)), 60))


def quick() -> Pace:
    pace = Pace()
    pace.quick = True
    return pace


def test_quick_calls_run_in_their_order_in_the_thread_of_the_loop() -> None:
    async def test(call: Calls) -> None:
        seen: list[int] = []
        pace = quick()
        await asyncio.gather(*(call(pace, seen.append, n) for n in range(50)))
        assert seen == list(range(50))
        assert await call(quick(), threading.get_ident) == threading.get_ident()

    run(test)


def test_no_call_is_inside_the_loop() -> None:
    """A plain function may run a loop of its own."""

    async def later() -> int:
        await asyncio.sleep(0)
        return 3

    async def test(call: Calls) -> None:
        for pace in (quick(), Pace()):
            assert await call(pace, lambda: asyncio.run(later())) == 3

    run(test)


def test_a_call_that_waits_for_another_is_not_before_it() -> None:
    """Each but the last waits for the last: as of a function that was quick until now."""

    async def test(call: Calls) -> None:
        pace, open_ = quick(), threading.Event()
        waiting = [call(pace, open_.wait, 50) for _ in range(SPARE + 8)]
        await call(pace, open_.set)
        assert all(await asyncio.gather(*waiting))
        assert await call(pace, len, "abc") == 3

    run(test)


def test_a_call_that_asks_the_loop_itself_is_answered() -> None:
    """As a function that calls its own server, which nobody knew to take long."""

    async def test(call: Calls) -> None:
        loop, pace = asyncio.get_running_loop(), quick()

        async def ask() -> str:
            return "answered"

        def asks() -> str:
            return asyncio.run_coroutine_threadsafe(ask(), loop).result(50)

        assert await call(pace, asks) == "answered" and not pace.quick

    run(test)


def test_answers_are_not_kept_for_those_behind_them() -> None:
    """Quick calls before a slow one are answered, whenever it is that it holds the loop up."""

    async def test(call: Calls) -> None:
        for place in range(12):
            pace, open_ = quick(), threading.Event()
            before = [call(pace, len, "abc") for _ in range(place)]
            held = call(pace, open_.wait, 50)
            behind = [call(quick(), len, "ab") for _ in range(12 - place)]
            assert await asyncio.gather(*before, *behind) == [3] * place + [2] * (12 - place)
            open_.set()
            assert await held

    run(test)


def test_functions_of_unknown_pace_have_threads_of_their_own() -> None:
    async def test(call: Calls) -> None:
        meeting, pace = threading.Barrier(8), Pace()
        await asyncio.gather(*(call(pace, meeting.wait, 50) for _ in range(8)))

    run(test)


def test_errors_reach_who_waits() -> None:
    def fails(error: BaseException) -> None:
        raise error

    async def test(call: Calls) -> None:
        for error in (KeyError("x"), SystemExit(3), StopIteration()):
            for pace in (quick(), Pace()):
                with pytest.raises(RuntimeError, match=type(error).__name__):
                    await call(pace, fails, error)

    run(test)


def test_the_loop_s_end_is_the_relay_s() -> None:
    """What `main` raises, what a callback ends the process by, and a call that outlives both."""
    open_ = threading.Event()

    async def fails(call: Calls) -> None:
        call(Pace(), open_.wait, 50)
        call(quick(), open_.wait, 50)
        await call(quick(), len, "a")
        raise LookupError("gone")

    async def ends(call: Calls) -> None:
        def leave() -> None:
            raise SystemExit(4)

        asyncio.get_running_loop().call_soon(leave)
        await asyncio.sleep(50)

    with pytest.raises(LookupError, match="gone"):
        run(fails)
    with pytest.raises(SystemExit):
        run(ends)
    open_.set()
