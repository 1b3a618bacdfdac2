"""What is refused when a graph is built, and in which words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import pytest

from pelton import App, Graph, ensemble, onnx, parallel, router, step
from pelton.handlers.errors import GraphError


@dataclass
class Order:
    kind: str
    size: float


class Row(TypedDict):
    size: float


def clean(order: Order) -> list[float]:
    return [order.size]


def total(row: list[float]) -> float:
    return sum(row)


def label(order: Order) -> str:
    return order.kind


def words(row: dict[str, str]) -> int:
    return len(row)


def two(left: int, right: int) -> int:
    return left + right


def nothing() -> int:
    return 1


class Idle:
    pass


class Waits:
    async def load(self, context: Any) -> None: ...

    def __call__(self, value: int) -> int:
        return value


def refused(build: Callable[[], object]) -> str:
    with pytest.raises(GraphError) as caught:
        build()
    message = str(caught.value)
    assert caught.value.file == __file__ and caught.value.line > 0, message
    return message.partition(": ")[2]


anything: Any = None


def test_a_misfit_names_both_steps_both_types_and_the_line() -> None:
    wrong: Any = words
    with pytest.raises(GraphError) as caught:
        (
            Graph("delay", Order) >> clean >> wrong  # here
        )
    lines = Path(__file__).read_text().splitlines()
    assert lines[caught.value.line - 1].endswith("# here")
    assert caught.value.what == (
        "graph 'delay': step 'clean' gives list[float] but step 'words' takes dict[str, str]"
    )


def test_the_input_is_a_joint_too() -> None:
    wrong: Any = total
    assert refused(lambda: Graph("delay", Order) >> wrong).startswith(
        "graph 'delay': the input is Order but step 'total' takes list[float]"
    )


def test_two_steps_of_one_name() -> None:
    assert "two steps named 'total'" in refused(lambda: Graph("g") >> total >> step(total))


@pytest.mark.parametrize(
    ("thing", "says"),
    [
        (Idle, "neither __call__ nor do"),
        (Waits, "Waits.load is async"),
        (two, "takes right besides the value"),
        (nothing, "no parameter for the value"),
        (Idle(), "an object that no spec can name"),
        ("text", "an object that no spec can name"),
        ("text".replace, "a method bound to one object"),
    ],
)
def test_what_cannot_be_a_step(thing: Any, says: str) -> None:
    if says.startswith("a method"):
        thing = Order("a", 1).__eq__
    assert says in refused(lambda: Graph("g") >> thing)


def test_arguments_of_a_step() -> None:
    untyped: Any = step
    assert "no parameter 'up'" in refused(lambda: untyped(total, up=1))
    assert "not JSON-ready" in refused(lambda: untyped(two, right={1}))
    assert "without a slash" in refused(lambda: step(total, name="a/b"))
    assert "given" not in repr(step(two, right=1))


def test_routers() -> None:
    assert "has no routes" in refused(lambda: router("kind", {}))
    assert "the branch 'a' is None" in refused(lambda: router("kind", {"a": None}))
    assert "not a str, int, bool or None" in refused(lambda: router("kind", {1.5: label}))
    assert "chooses by 'colour', which Order does not have" in refused(
        lambda: router("colour", {"a": label})
    )
    assert "neither a field nor a function" in refused(lambda: router(anything, {"a": label}))
    said = refused(lambda: router(len, {"a": label, "b": total}))
    assert "branch 'b' takes list[float], branch 'a' takes Order" in said


def test_parallel_and_ensemble() -> None:
    assert "has no branches" in refused(lambda: parallel())
    assert "has no members" in refused(lambda: ensemble())
    assert "two members named 'label'" in refused(lambda: ensemble(label, label))
    assert "'label' gives str, of which there is no mean" in refused(lambda: ensemble(label))
    assert "'total' gives float, of which there is no vote" in refused(
        lambda: ensemble(total, combine="vote")
    )
    assert "the weights [1.0]" in refused(
        lambda: ensemble(total, step(total, name="b"), weights=[1])
    )
    assert "all zero" in refused(lambda: ensemble(total, weights=[0]))
    wrong: Any = "average"
    assert "not a way to combine" in refused(lambda: ensemble(total, combine=wrong))
    assert "members give list[float] but words takes" in refused(
        lambda: ensemble(total, combine=anything or words)  # type: ignore[arg-type]
    )


def test_models_stay_inside_the_app() -> None:
    assert "not inside the app" in refused(lambda: onnx("/etc/model.onnx"))
    assert "not inside the app" in refused(lambda: onnx("../model.onnx"))
    assert "is a string" in refused(lambda: onnx("model.onnx", outputs="label"))


def test_a_graph_without_steps_is_no_step_and_does_not_run() -> None:
    assert "has no steps" in refused(lambda: Graph("g") >> Graph("empty"))
    assert "has no steps" in refused(lambda: Graph("g").compile())
    assert "has no steps" in refused(lambda: Graph("g")(1))


def test_an_app_serves_no_empty_graph() -> None:
    with pytest.raises(GraphError, match=r"test_graph_build.py:\d+: graph 'empty' has no steps"):
        App("demo").serve(Graph("empty"))


def test_an_annotation_that_is_not_there() -> None:
    def lost(value: int) -> int:
        return value

    lost.__annotations__ = {"value": "Nowhere"}
    assert "'Nowhere' is not known" in refused(lambda: Graph("g") >> lost)


def test_a_graph_is_immutable() -> None:
    graph = Graph("g", Order) >> clean
    longer = graph >> total
    assert len(graph.steps) == 1 and len(longer.steps) == 2
    with pytest.raises(AttributeError, match="immutable"):
        graph.name = "h"
