"""State by key: folded in order, one after another, bounded, and the same in every store."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import Graph, Overloaded, steps
from pelton.handlers.errors import GraphError


@dataclass(frozen=True)
class Mean:
    total: float = 0.0
    count: int = 0


class Kept:
    """A store of one's own, which loses the first race of every key."""

    def __init__(self, prefix: str = "") -> None:
        self.states: dict[str, tuple[str, int]] = {}
        self.lost: set[str] = set()
        self.prefix = prefix

    def get(self, key: str) -> tuple[str, int] | None:
        return self.states.get(self.prefix + key)

    def put(self, key: str, state: str, version: int) -> bool:
        key = self.prefix + key
        if key not in self.lost:
            self.lost.add(key)
            self.states[key] = '{"count": 100, "total": 0.0}', 7
            return False
        if self.states.get(key, ("", 0))[1] != version:
            return False
        self.states[key] = state, version + 1
        return True


def add(total: int, n: int) -> int:
    return total + n


async def later_add(total: int, n: int) -> int:
    await asyncio.sleep(0)
    return total + n


def counted(mean: Mean, n: float) -> Mean:
    return Mean(mean.total + n, mean.count + 1)


def value_of(mean: Mean, n: float) -> float:
    return mean.total / mean.count


def append(seen: list[int], given: dict[str, Any]) -> list[int]:
    return [*seen, given["n"]]


def one(order: dict[str, Any]) -> int:
    return 1


def parity(n: int) -> str:
    return "odd" if n % 2 else "even"


def text(n: int) -> str:
    return str(n)


def half(n: int) -> float:
    return n / 2


def fail(total: int, n: int) -> int:
    raise LookupError(n)


def run_all(step: Any, values: list[Any]) -> list[Any]:
    run = (Graph("g") >> step).compile()

    async def main() -> list[Any]:
        return [await run(value) if run.is_async else run(value) for value in values]

    try:
        return asyncio.run(main())
    finally:
        run.stop()


@pytest.fixture(params=["memory:", "sqlite:"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.param) + (str(tmp_path / "states.db") if request.param == "sqlite:" else "")


@pytest.mark.parametrize("fold", [add, later_add])
@pytest.mark.parametrize("key", [None, parity])
def test_each_event_is_folded_into_its_key(fold: Any, key: Any, store: str) -> None:
    sums = run_all(steps.reduce(fold, 0, key=key, store=store), [1, 2, 3, 4])
    assert sums == ([1, 2, 4, 6] if key else [1, 3, 6, 10])


def test_a_state_has_a_type_and_gives_says_what_goes_on(store: str) -> None:
    step = steps.reduce(counted, Mean, gives=value_of, store=store)
    assert step.output_type is float and step.input_type is float
    assert run_all(step, [1.0, 2.0, 6.0]) == [1.0, 1.5, 3.0]


def test_a_first_state_is_each_key_s_own(store: str) -> None:
    step = steps.reduce(append, [], key="who", store=store)
    values = [{"who": who, "n": n} for n, who in enumerate("aba")]
    assert run_all(step, values) == [[0], [1], [0, 2]]


def test_events_of_one_key_that_come_together_lose_nothing() -> None:
    async def main() -> list[int]:
        run = (Graph("g", int) >> steps.reduce(later_add, 0)).compile()
        answers: list[int] = await asyncio.gather(*(run(1) for _ in range(50)))
        return answers

    assert asyncio.run(main()) == list(range(1, 51))


def test_threads_lose_nothing(store: str) -> None:
    run = (Graph("g", int) >> steps.reduce(add, 0, store=store)).compile()
    threads = [threading.Thread(target=lambda: [run(1) for _ in range(20)]) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert run(0) == 80
    run.stop()


def _work(path: str) -> None:
    run = (Graph("g", int) >> steps.reduce(add, 0, store=f"sqlite:{path}")).compile()
    for _ in range(25):
        run(1)
    run.stop()


def test_processes_that_share_a_file_lose_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "states.db")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_work, args=(path,)) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    assert [each.exitcode for each in workers] == [0, 0]
    assert run_all(steps.reduce(add, 0, store=f"sqlite:{path}"), [0]) == [50]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-9, 9)), max_size=12))
def test_it_is_a_fold_by_key(events: list[tuple[str, int]]) -> None:
    expected, totals = [], dict[str, int]()
    for who, n in events:
        totals[who] = totals.get(who, 0) + n
        expected.append(totals[who])
    values = [{"who": who, "n": n} for who, n in events]

    def fold(total: int, given: dict[str, Any]) -> int:
        return total + int(given["n"])

    assert run_all(steps.reduce(fold, 0, key="who"), values) == expected


def test_more_keys_than_are_kept_are_refused_or_forgotten() -> None:
    with pytest.raises(Overloaded, match="there are states of 2 keys") as caught:
        run_all(steps.reduce(add, 0, key=text, keys=2), [1, 2, 1, 3])
    assert caught.value.step == "g/reduce"  # type: ignore[attr-defined]
    forgetful = steps.reduce(add, 0, key=text, keys=2, full="forget")
    assert run_all(forgetful, [1, 2, 1, 3, 1, 2]) == [1, 2, 2, 3, 3, 2]


def test_who_was_overtaken_folds_again() -> None:
    store = partial(Kept, prefix="p ")
    step = steps.reduce(counted, Mean, store=store)
    assert run_all(step, [1.0, 1.0]) == [Mean(1.0, 101), Mean(2.0, 102)]
    graph = Graph("g", float) >> step
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec


def test_an_error_changes_nothing_and_says_where() -> None:
    run = (Graph("g", int) >> steps.reduce(fail, 0)).compile()
    for _ in range(2):
        with pytest.raises(LookupError) as caught:
            run(1)
    assert caught.value.step == "g/reduce/fail"  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="is no key") as other:
        run_all(steps.reduce(add, 0, key=half), [1])
    assert other.value.step == "g/reduce"  # type: ignore[attr-defined]


def test_a_plain_fold_in_an_async_graph_waits_for_its_store(store: str) -> None:
    step = steps.reduce(add, 0, store=store)
    assert run_all(steps.filter(keep) >> step, [1, 2]) == [1, 3]


async def keep(n: int) -> bool:
    await asyncio.sleep(0)
    return True


def test_specs_and_misfits(store: str) -> None:
    graph = Graph("g", int) >> steps.reduce(
        later_add, 0, key=parity, gives=add, store=store, keys=5, full="forget"
    )
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    loose: Any = steps
    with pytest.raises(GraphError, match="initial='0' is no int; add takes it as"):
        steps.reduce(add, "0")
    with pytest.raises(GraphError, match="takes a state of Mean but gives float"):
        loose.reduce(value_of, Mean)
    with pytest.raises(GraphError, match="handed 2 values and has 1 parameters"):
        loose.reduce(parity, 0)
    with pytest.raises(GraphError, match="key=one takes dict"):
        loose.reduce(add, 0, key=one)
    with pytest.raises(GraphError, match=r"store='redis:x' is no store"):
        steps.reduce(add, 0, store="redis:x")
    with pytest.raises(GraphError, match="is not JSON-ready; give a function"):
        steps.reduce(counted, Mean())
