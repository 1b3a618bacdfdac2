"""Shadows and challengers: compared, counted and logged; never in the way of the answer."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pelton import App, Context, Graph, NotReady, step
from pelton.handlers.errors import GraphError
from pelton.runtime.aws import make_handler
from pelton.serving_graph.aside import Aside
from pelton.serving_graph.comparing import Tally
from pelton.serving_graph.models.shared import SHARED
from pelton.steps import champion, filter, shadow
from pelton.testing import lambda_context

go = threading.Event()
begun = threading.Event()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    go.clear()
    begun.clear()
    before = len(SHARED)
    yield
    go.set()
    assert len(SHARED) == before


def now(value: dict[str, Any]) -> float:
    return float(value["n"])


def near(value: dict[str, Any]) -> float:
    return float(value["n"]) + 0.001


def far(value: dict[str, Any]) -> float:
    return float(value["n"]) + 1


def fails(value: dict[str, Any]) -> float:
    raise RuntimeError("a bug")


def spoils(value: dict[str, Any]) -> float:
    value["n"] = 100
    return 0.0


def hangs(value: dict[str, Any]) -> float:
    begun.set()
    assert go.wait(20)
    return float(value["n"])


async def waits(value: dict[str, Any]) -> float:
    await asyncio.sleep(0)
    return float(value["n"])


async def hangs_waiting(value: dict[str, Any]) -> float:
    begun.set()
    while not go.is_set():
        await asyncio.sleep(0)
    return float(value["n"])


def drops(value: float) -> bool:
    return False


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, message: str, **fields: Any) -> None:
        self.lines.append((message, fields))

    warning = info


class Broken:
    def info(self, message: str, **fields: Any) -> None:
        raise OSError("no log")

    warning = info


def ask(graph: Graph[Any, Any], *values: Any, context: Any = None) -> list[Any]:
    """Every answer, of a graph of either form; then what was begun is let come to its end."""

    async def all_of() -> list[Any]:
        return [await graph.acall(value, context) for value in values]

    found = asyncio.run(all_of())
    graph.drain()
    return found


@pytest.mark.parametrize("answers", [now, waits])
@pytest.mark.parametrize(
    ("tried", "tally"),
    [
        (near, Tally(same=2)),
        (far, Tally(different=2)),
        (fails, Tally(failed=2)),
        (step(waits, name="other"), Tally(same=2)),
        (step(now, name="number") >> filter(drops), Tally(failed=2)),
    ],
)
def test_answers_are_compared_and_counted(answers: Any, tried: Any, tally: Tally) -> None:
    watched = shadow(answers, tried, tolerance=0.01)
    graph = Graph("g", dict) >> watched
    assert ask(graph, {"n": 1}, {"n": 2}) == [1.0, 2.0]
    assert list(watched.tallies().values()) == [tally]
    graph.stop()


def test_what_a_shadow_does_to_its_value_is_nothing_to_the_answer() -> None:
    def after(value: float) -> float:
        return value

    graph = Graph("g", dict) >> shadow(now, spoils, name="spoils") >> after
    value = {"n": 1}
    assert ask(graph, value) == [1.0] and value == {"n": 1}
    graph.stop()


def test_what_the_answering_step_does_to_the_value_is_nothing_to_the_shadow() -> None:
    def clears(value: dict[str, Any]) -> float:
        return float(value.pop("n"))

    watched = shadow(clears, now)
    graph = Graph("g", dict) >> watched
    assert ask(graph, {"n": 1}) == [1.0]
    assert watched.tallies()["now"] == Tally(same=1)
    graph.stop()


@pytest.mark.parametrize("slow", [hangs, hangs_waiting])
def test_a_slow_shadow_holds_nobody_up_and_what_has_no_room_is_skipped(slow: Any) -> None:
    watched = shadow(now, slow, room=2)
    graph = Graph("g", dict) >> watched
    assert graph({"n": 1}) == 1.0
    assert begun.wait(20)
    assert [graph({"n": n}) for n in (2, 3, 4)] == [2.0, 3.0, 4.0]
    assert watched.tallies()[slow.__name__] == Tally(skipped=2)
    go.set()
    graph.drain()
    assert watched.tallies()[slow.__name__] == Tally(same=2, skipped=2)
    graph.stop()


def test_differences_and_failures_are_logged_and_a_broken_log_is_counted() -> None:
    log = Log()
    watched = shadow(now, far, fails)
    graph = Graph("g", dict) >> watched
    ask(graph, {"n": 1}, context=Context(logger=log))  # type: ignore[arg-type]
    assert sorted(log.lines, key=lambda line: line[0]) == [
        (
            "a shadow answered otherwise",
            {"step": "g/shadow/far", "answer": "1.0", "shadow_answer": "2.0"},
        ),
        (
            "a shadow failed",
            {"step": "g/shadow/fails", "error": "RuntimeError: a bug"},
        ),
    ]
    graph.stop()


def test_a_log_that_fails_is_nothing_to_the_answers_that_follow() -> None:
    watched = shadow(now, far, fails)
    graph = Graph("g", dict) >> watched
    context = Context(logger=Broken())  # type: ignore[arg-type]
    assert ask(graph, {"n": 1}, {"n": 2}, context=context) == [1.0, 2.0]
    assert watched.tallies()["fails"].failed == 2
    graph.stop()


def test_a_value_that_cannot_be_copied_is_counted_not_raised() -> None:
    def any_(value: Any) -> str:
        return "answer"

    def tried(value: Any) -> str:
        return "answer"

    watched = shadow(any_, tried)
    graph = Graph("g") >> watched
    assert ask(graph, threading.Lock()) == ["answer"]
    assert watched.tallies()["tried"] == Tally(failed=1)
    graph.stop()


def test_an_error_of_the_answering_step_is_its_own() -> None:
    watched = shadow(fails, now)
    graph = Graph("g", dict) >> watched
    with pytest.raises(RuntimeError, match="a bug") as caught:
        graph({"n": 1})
    assert caught.value.__notes__ == ["in step g/shadow/fails"]
    graph.drain()
    assert watched.tallies()["now"] == Tally()
    graph.stop()


def within_one(answer: float, other: float) -> bool:
    return abs(answer - other) <= 1


def test_how_to_compare_can_be_said_and_the_spec_keeps_it() -> None:
    watched = shadow(now, far, compare=within_one)
    graph = Graph("g", dict) >> watched
    again = Graph.from_spec(json.loads(json.dumps(graph.spec.to_dict())))
    assert again.spec == graph.spec and again.output_type is float
    ask(again, {"n": 1})
    assert watched.tallies()["far"] == Tally(same=1)
    again.stop()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": [1.0, 2.0]}, {"a": [1.0, 2.005]}, True),
        ({"a": [1.0, 2.0]}, {"a": [1.0, 2.5]}, False),
        ({"a": 1}, {"b": 1}, False),
        ([1, 2], [1, 2, 3], False),
        (float("nan"), float("nan"), True),
        (1.0, "1.0", False),
        ("late", "late", True),
        (None, 0.0, False),
    ],
)
def test_answers_are_alike_place_by_place(one: Any, other: Any, same: bool) -> None:
    def answers(value: int) -> Any:
        return one

    def tried(value: int) -> Any:
        return other

    watched = shadow(answers, tried, tolerance=0.01)
    graph = Graph("g", int) >> watched
    ask(graph, 1)
    assert watched.tallies()["tried"] == (Tally(same=1) if same else Tally(different=1))
    graph.stop()


def test_shadows_that_cannot_be() -> None:
    untyped: Any = shadow
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: shadow(now), "has nothing that is tried"),
        (lambda: champion(now), "has no challenger"),
        (lambda: shadow(now, now), "two members named 'now'"),
        (lambda: shadow(now, far, room=0), "numbers from 1 and from 0"),
        (lambda: untyped(now, far, compare="same"), "no function of two answers"),
    ]
    for build, says in wrong:
        with pytest.raises(GraphError, match=says):
            build()
    with pytest.raises(NotReady, match="no graph with the shadow 'shadow' is loaded"):
        shadow(now, far).tallies()


def test_a_challenger_is_promoted_and_the_champion_is_then_compared() -> None:
    rivals = champion(now, far, step(waits, name="third"))
    graph = Graph("g", dict) >> rivals
    with pytest.raises(NotReady):
        rivals.promote("far")
    assert graph.is_async and ask(graph, {"n": 1}) == [1.0] and rivals.champion == "now"
    assert rivals.tallies() == {
        "now": Tally(),
        "far": Tally(different=1),
        "third": Tally(same=1),
    }
    rivals.promote("far")
    assert ask(graph, {"n": 1}) == [2.0] and rivals.champion == "far"
    assert rivals.tallies()["now"] == Tally(different=1)
    with pytest.raises(KeyError, match="is no member; there are now, far, third"):
        rivals.promote("fourth")
    again = Graph.from_spec(json.loads(json.dumps(graph.spec.to_dict())))
    assert again.spec == graph.spec
    graph.stop()


@pytest.mark.parametrize("waits_", [False, True])
def test_work_aside_is_done_before_a_close(waits_: bool) -> None:
    done: list[int] = []

    def job(n: int) -> Callable[[], Any]:
        async def waiting() -> None:
            await asyncio.sleep(0)
            done.append(n)

        return waiting if waits_ else lambda: done.append(n)

    aside = Aside(room=50, waits=waits_)
    assert all(aside.take(job(n)) for n in range(50))
    aside.close()
    assert sorted(done) == list(range(50)) and len(aside) == 0
    assert not aside.take(job(1))


@pytest.mark.parametrize("waits_", [False, True])
def test_work_that_never_ends_is_left_behind_after_the_grace(waits_: bool) -> None:
    async def waiting() -> None:
        await asyncio.sleep(3600)

    aside = Aside(room=1, waits=waits_, grace=0.05)
    assert aside.take(waiting if waits_ else lambda: go.wait(20))
    began = time.monotonic()
    assert aside.drain() is False
    aside.close()
    assert time.monotonic() - began < 15


def test_no_answer_waits_for_a_shadow_where_a_worker_is_frozen_and_no_deadline_ends_it() -> None:
    def looks(value: dict[str, Any], context: Context) -> float:
        assert go.wait(20) and context.deadline is None
        return float(value["n"])

    watched = shadow(now, looks)
    graph = Graph("g", dict) >> watched
    handler = make_handler(App("a").serve(graph), freezes=True)
    raw = lambda_context(remaining_ms=20_000)
    assert handler({"n": 1}, raw) == 1.0
    assert watched.tallies()["looks"] == Tally()
    go.set()
    graph.drain()
    assert watched.tallies()["looks"] == Tally(same=1)
    graph.stop()
