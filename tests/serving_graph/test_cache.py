"""Kept answers: for whom, how long, how many, and what is never kept; plain and async."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import Context, DeadlineExceeded, Graph, steps
from pelton.handlers.errors import GraphError
from pelton.serving_graph.clock import ManualClock
from pelton.serving_graph.kit.freeze import freeze

calls: list[Any] = []
loose: Any = steps  # what no checker lets through is refused at build, too


@dataclass
class Query:
    text: str
    page: int = 0


def answer(value: Any) -> str:
    calls.append(value)
    if value == "bad":
        raise LookupError(value)
    return f"{value}!"


async def later_answer(value: Any) -> str:
    await asyncio.sleep(0)
    return answer(value)


def keep(value: Any) -> bool:
    return bool(value != "drop")


@pytest.fixture(autouse=True)
def fresh() -> None:
    calls.clear()


def run_all(step: Any, values: list[Any], clock: ManualClock | None = None) -> list[Any]:
    run = (Graph("g") >> step).compile(clock=clock or ManualClock())

    async def main() -> list[Any]:
        return [await run(value) if run.is_async else run(value) for value in values]

    return asyncio.run(main())


both = pytest.mark.parametrize("one", [answer, later_answer])


@both
def test_equal_values_are_worked_out_once(one: Any) -> None:
    values = ["a", "b", "a", Query("a"), Query("a"), {"x": [1]}, {"x": [1]}, 1, True, 1.0]
    assert run_all(steps.cache(one), values) == [f"{value}!" for value in values]
    assert calls == ["a", "b", Query("a"), {"x": [1]}, 1, True, 1.0]


@both
def test_the_one_asked_for_longest_ago_goes_first(one: Any) -> None:
    run_all(steps.cache(one, size=2), ["a", "b", "a", "c", "a", "b"])
    assert calls == ["a", "b", "c", "b"]


def test_an_answer_is_good_for_its_time() -> None:
    clock = ManualClock()
    run = (Graph("g") >> steps.cache(answer, ttl=60)).compile(clock=clock)
    for pause in (0, 59, 1, 59):
        clock.sleep(pause)
        run("a")
    assert calls == ["a", "a"]


@both
def test_errors_and_dropped_events_are_not_kept(one: Any) -> None:
    run = (Graph("g") >> steps.cache(steps.filter(keep) >> one)).compile()
    for _ in range(2):
        with pytest.raises(LookupError) as caught:
            asyncio.run(run("bad")) if run.is_async else run("bad")
        assert caught.value.step.startswith("g/cache/")  # type: ignore[attr-defined]
    assert (asyncio.run(run("drop")) if run.is_async else run("drop")) is None
    assert calls == ["bad", "bad"]


@pytest.mark.parametrize("key", ["text", lambda query: query.text])
def test_a_key_says_what_counts(key: Any) -> None:
    assert run_all(steps.cache(answer, key=key), [Query("a", 0), Query("a", 7)])[1] == (
        "Query(text='a', page=0)!"
    )


def test_a_value_that_is_no_key_says_what_to_do() -> None:
    class Odd:
        __hash__ = None  # type: ignore[assignment]

    with pytest.raises(TypeError, match="is no key: say what it goes by, key=") as caught:
        run_all(steps.cache(answer), [Odd()])
    assert caught.value.step == "g/cache"  # type: ignore[attr-defined]


def test_equal_values_that_come_together_are_worked_out_once() -> None:
    async def main() -> list[str]:
        run = (Graph("g") >> steps.cache(later_answer)).compile()
        answers: list[str] = await asyncio.gather(*(run(value) for value in "aabaab"))
        return answers

    assert asyncio.run(main()) == ["a!", "a!", "b!", "a!", "a!", "b!"]
    assert calls == ["a", "b"]


def test_who_is_cancelled_cancels_nobody_else() -> None:
    async def main() -> tuple[Any, ...]:
        clock = ManualClock()

        async def slow(value: Any) -> str:
            await clock.wait(10)
            return answer(value)

        run = (Graph("g") >> steps.cache(slow)).compile(clock=clock)
        first, second, alone = (asyncio.ensure_future(run(each)) for each in ("a", "a", "b"))
        await clock.settle()
        first.cancel()
        alone.cancel()
        await clock.settle()
        again = asyncio.ensure_future(run("b"))
        await clock.advance(10)
        return await second, await again, first.cancelled(), alone.cancelled()

    assert asyncio.run(main()) == ("a!", "b!", True, True)
    assert calls == ["a", "b"]


def test_the_first_caller_s_time_is_not_the_others() -> None:
    async def hurried(value: Any, context: Context) -> str:
        await asyncio.sleep(0)
        if context.request_id == "late":
            raise DeadlineExceeded("late")
        return answer(value)

    async def main() -> list[Any]:
        run = (Graph("g") >> steps.cache(hurried)).compile()
        contexts = (Context(request_id=each) for each in ("late", "on time", "too"))
        asked = (run("a", context) for context in contexts)
        return await asyncio.gather(*asked, return_exceptions=True)

    late, *others = asyncio.run(main())
    assert isinstance(late, DeadlineExceeded) and others == ["a!", "a!"] and calls == ["a"]


def test_specs_and_misfits() -> None:
    graph = Graph("g") >> steps.cache(answer, key="text", size=3, ttl=1.5)
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    with pytest.raises(GraphError, match="size=0 keeps nothing"):
        steps.cache(answer, size=0)
    with pytest.raises(GraphError, match="ttl=0 keeps nothing"):
        steps.cache(answer, ttl=0)

    def of_query(query: Query) -> str:
        return query.text

    with pytest.raises(GraphError, match="key=keep_int takes int, step 'of_query' takes Query"):
        loose.cache(of_query, key=keep_int)


def keep_int(n: int) -> int:
    return n


json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-1, 1) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=1), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(json_values, json_values)
def test_two_values_meet_only_where_they_are_equal(one: Any, other: Any) -> None:
    same = one == other and repr(normal(one)) == repr(normal(other))
    assert (freeze(one) == freeze(other)) == same


def normal(value: Any) -> Any:
    """With keys in order, and minus zero as what it equals."""
    if isinstance(value, dict):
        return {key: normal(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [normal(each) for each in value]
    return value + 0.0 if isinstance(value, float) else value
