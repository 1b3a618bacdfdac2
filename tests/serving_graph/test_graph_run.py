"""What graphs answer, sync and async; what class steps live through; what errors say."""

from __future__ import annotations

import asyncio
import enum
import threading
import traceback
from typing import Any, ClassVar

import pytest

from pelton import App, Context, Event, Graph, ensemble, parallel, router, step
from pelton.handlers.errors import InvalidInput
from pelton.serving_graph.clock import ManualClock
from pelton.testing import make_context


def half(value: float) -> float:
    return value / 2


async def later_half(value: float) -> float:
    await asyncio.sleep(0)
    return value / 2


def fail(value: float) -> float:
    raise LookupError(value)


async def later_fail(value: float) -> float:
    raise LookupError(value)


def shout(text: str) -> str:
    return text.upper()


class Kind(enum.Enum):
    TOY = "toy"


class Model:
    """Writes its life into a list that the context brings."""

    def __init__(self, name: str = "model") -> None:
        self.name, self.life = name, list[str]()

    def load(self, context: Any) -> None:
        self.life = context
        self.life.append(f"load {self.name}")

    def __call__(self, value: float) -> float:
        self.life.append(f"call {self.name}")
        return value + 1

    def drain(self) -> None:
        self.life.append(f"drain {self.name}")

    def close(self) -> None:
        self.life.append(f"close {self.name}")


class Broken(Model):
    def load(self, context: Any) -> None:
        raise OSError("no model")


class Doer:
    def do(self, value: float, context: Any = None) -> Any:
        return value, context


def truth(value: Any) -> bool:
    return bool(value)


def text(value: Any) -> str:
    return str(value)


def notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", []))


def test_a_class_step_is_made_and_loaded_once_a_worker_and_closed_last_first() -> None:
    graph = Graph("g", float) >> step(Model, name="a") >> step(Other, name="b")
    life: list[str] = []
    graph.load(life)
    graph.load(life)
    assert [graph(1.0), graph(1.0)] == [3.0, 3.0]
    graph.drain(life)
    graph.stop(life)
    calls = ["call model", "call other"] * 2
    assert life == [
        *("load model", "load other"),
        *calls,
        *("drain model", "drain other"),
        *("close other", "close model"),
    ]


class Other(Model):
    def __init__(self) -> None:
        super().__init__("other")


def test_two_executors_share_nothing_and_a_stopped_one_loads_again() -> None:
    graph = Graph("g", float) >> Model
    one, two = graph.compile(), graph.compile()
    lives: tuple[list[str], list[str]] = ([], [])
    one.load(lives[0])
    two.load(lives[1])
    one(1.0)
    assert lives == (["load model", "call model"], ["load model"])
    one.stop()
    one(1.0, lives[1])
    assert lives[1] == ["load model", "load model", "call model"]


def test_a_load_that_fails_closes_what_was_loaded_and_is_tried_again() -> None:
    graph = Graph("g", float) >> Model >> Broken
    life: list[str] = []
    for _ in range(2):
        with pytest.raises(OSError, match="no model") as caught:
            graph.load(life)
        assert notes(caught.value) == ["in step g/Broken"]
    assert life == ["load model", "close model"] * 2


def test_do_and_context() -> None:
    graph = Graph("g", float) >> half >> Doer
    assert graph.takes_context
    assert graph(4.0, "context") == (2.0, "context")


@pytest.mark.parametrize("one", [half, later_half])
def test_sync_and_async_give_the_same(one: Any) -> None:
    def make(middle: Any) -> Graph[float, Any]:
        routes = router(truth, {True: middle, False: half})
        both = parallel(a=routes, b=ensemble(middle, step(half, name="other")))
        made: Graph[float, Any] = Graph("g", float) >> middle >> both
        return made

    graph = make(one)
    assert graph.is_async == (one is later_half)
    assert asyncio.run(graph.acall(8.0)) == {"a": 2.0, "b": 2.0}


def test_plain_and_waiting_branches_run_together() -> None:
    arrived: list[str] = []

    async def run() -> Any:
        gate = asyncio.Event()

        async def first(value: int) -> str:
            arrived.append("first")
            await gate.wait()
            return "first"

        async def second(value: int) -> str:
            gate.set()
            return "second"

        graph = Graph("g", int) >> parallel(first=first, second=second)
        return await asyncio.wait_for(graph.acall(1), 5)

    assert asyncio.run(run()) == {"first": "first", "second": "second"}


def test_a_branch_that_fails_cancels_the_others() -> None:
    cancelled: list[bool] = []

    async def forever(value: float) -> float:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return value

    graph = Graph("g", float) >> parallel(a=forever, b=later_fail)
    with pytest.raises(LookupError) as caught:
        asyncio.run(graph.acall(1.0))
    assert cancelled == [True] and notes(caught.value) == ["in step g/parallel/b/later_fail"]


@pytest.mark.parametrize(
    ("graph", "path"),
    [
        (Graph("g", float) >> half >> fail >> step(half, name="x"), "g/fail"),
        (Graph("g", float) >> half >> later_fail, "g/later_fail"),
        (Graph("g", float) >> (Graph("in", float) >> half >> fail), "g/in/fail"),
        (Graph("g", float) >> parallel(fail=fail), "g/parallel/fail"),
        (Graph("g", float) >> ensemble(half, fail), "g/ensemble/fail"),
        (Graph("g", float) >> router(truth, {True: fail, False: half}), "g/router/True/fail"),
    ],
)
def test_an_error_keeps_its_type_and_says_its_step(graph: Graph[float, Any], path: str) -> None:
    with pytest.raises(LookupError) as caught:
        asyncio.run(graph.acall(4.0))
    assert notes(caught.value) == [f"in step {path}"]
    assert caught.value.step == path  # type: ignore[attr-defined]
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.filename == __file__


def test_one_error_raised_again_is_noted_once() -> None:
    same = LookupError()

    def again(value: int) -> int:
        raise same

    graph = Graph("g", int) >> again
    for _ in range(3):
        with pytest.raises(LookupError):
            graph(1)
    assert notes(same) == ["in step g/again"]


def test_the_router_by_field_enum_function_and_default() -> None:
    by_field = Graph("g") >> router("a.kind", {"toy": len, None: truth}, default=text)
    assert by_field({"a": {"kind": "toy"}}) == 1
    assert by_field({"a": {"kind": Kind.TOY}}) == 1
    assert by_field({"a": {"kind": None}}) is True
    assert by_field({"a": {"kind": [1]}}) == "{'a': {'kind': [1]}}"


def test_a_value_without_a_route_or_the_field_is_bad_input() -> None:
    graph = Graph("g") >> router("kind", {"toy": len})
    with pytest.raises(InvalidInput, match=r"kind: no route for 'car'; there are 'toy'") as caught:
        graph({"kind": "car"})
    assert notes(caught.value) == ["in step g/router"]
    with pytest.raises(InvalidInput, match="kind: missing"):
        graph({})


def test_the_router_by_an_events_path() -> None:
    def say(word: str) -> Any:
        def it(event: Event) -> str:
            return word

        return step(it, name="say")

    routes = {"/a": say("a"), "/a/*": say("below a"), "/a/b/*": say("below b"), "/*": say("rest")}
    graph = Graph("g", Event) >> router("path", routes)
    asked = ["/a", "/a/", "/a/x", "/a/b", "/a/b/c", "/ab", "/"]
    answers = [graph(Event(path=path)) for path in asked]
    assert answers == ["a", "a", "below a", "below b", "below b", "rest", "rest"]


def test_a_served_graph_is_a_function() -> None:
    app = App("shop")
    graph = Graph("score", float) >> half
    served = app.serve(graph)
    assert served(3.0) == 1.5 and graph.__name__ == "score"
    assert graph.__annotations__ == {"value": float, "return": float}
    assert graph.file == __file__ and graph.module == __name__
    assert app.functions["score"].codec is not None
    assert app.functions["score"].codec.input_type is float


def test_a_traceback_shows_the_generated_line() -> None:
    graph = Graph("lines", float) >> half >> fail
    with pytest.raises(LookupError):
        graph(1.0)
    with pytest.raises(LookupError) as caught:
        graph(1.0)
    assert "return fail_2(value)" in "".join(traceback.format_exception(caught.value))


class Remembering:
    """Keeps what it has seen in the worker's state."""

    def load(self, context: Context) -> None:
        context.state.seen = []

    def __call__(self, value: int, context: Any = None) -> int:
        context.state.seen.append(value)
        context.metrics.counter("seen").add()
        context.logger.info("seen", value=value)
        assert context.metrics.counter("seen").value == len(context.state.seen)
        return len(context.state.seen)


async def later(value: int) -> int:
    return value


def test_a_step_gets_a_context_when_the_graph_is_called_without_one() -> None:
    graph = Graph("g", int) >> Remembering
    assert [graph(7), graph(8), graph.many([9])] == [1, 2, [3]]
    assert asyncio.run((Graph("g", int) >> later >> Remembering).acall(7)) == 1
    inside = Graph("g", int) >> parallel(a=graph)
    assert inside(7) == {"a": 1}


class Held:
    """Says when it is called, and stays in the call until it may go on."""

    life: ClassVar[list[str]] = []
    inside: ClassVar[threading.Event]
    go_on: ClassVar[threading.Event]

    def __call__(self, value: float) -> float:
        self.inside.set()
        self.go_on.wait(20)
        self.life.append("called")
        return value

    def close(self) -> None:
        self.life.append("closed")


class Told(ManualClock):
    """Says that somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_for = threading.Event()

    def until(self, lock: Any, seconds: float | None) -> None:
        self.waited_for.set()
        super().until(lock, seconds)


@pytest.mark.parametrize(("seconds", "life"), [(29, ["called", "closed"]), (31, ["closed"])])
def test_a_stop_waits_for_calls_in_other_threads_but_not_for_ever(
    seconds: float, life: list[str]
) -> None:
    clock, said = Told(), list[str]()
    Held.life, Held.inside, Held.go_on = [], threading.Event(), threading.Event()
    run = (Graph("held", float) >> Held).compile(clock=clock)
    run.load(make_context(lines=said))
    call = threading.Thread(target=run, args=(1.0,))
    call.start()
    assert Held.inside.wait(20)
    stop = threading.Thread(target=run.stop)
    stop.start()
    assert clock.waited_for.wait(20)
    assert Held.life == []
    clock.sleep(seconds)
    if seconds < 30:
        Held.go_on.set()
    stop.join(20)
    assert Held.life == life
    assert ["closed under calls" in each for each in said] == [True] * (seconds > 30)
    Held.go_on.set()
    call.join(20)


def test_a_step_may_stop_its_own_graph() -> None:
    def stop(value: float) -> float:
        run.stop()
        return value

    run = (Graph("own", float) >> Model >> stop).compile(clock=ManualClock())
    run.load(life := list[str]())
    assert run(1.0) == 2.0 and life[-1] == "close model"
