"""A router to an ensemble of three against the same written by hand, and a model step against
onnxruntime's own call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from pelton import Graph, ensemble, router
from pelton.handlers.metrics import Metrics
from pelton.serving_graph.models.file import ModelFile
from pelton.serving_graph.models.onnx import OnnxModel
from pelton.serving_graph.watch import StepWatch

from .row import Row

ROUNDS, CALLS = 60, 1000
DATA = Path(__file__).parent.parent / "tests" / "serving_graph" / "data"
FEATURES = [9.0, 8.5, 500.0, 12.0, *([0.0] * 19)]


def low(value: float) -> float:
    return value + 1.0


def middle(value: float) -> float:
    return value * 2.0


def high(value: float) -> float:
    return value * 3.0


def size(value: float) -> str:
    return "large" if value > 10 else "small"


MEMBERS = {"small": [low, middle, high], "large": [high, middle, low]}


def by_hand(value: float) -> float:
    if size(value) == "small":
        return (low(value) + middle(value) + high(value)) / 3
    return (high(value) + middle(value) + low(value)) / 3


def pair(
    floor: Callable[[Any], Any], ours: Callable[[Any], Any], value: Any
) -> tuple[float, float]:
    """Microseconds a call of each, the best of many short rounds taken in turns."""
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for place, call in enumerate((floor, ours)):
            start = perf_counter()
            for _ in range(CALLS):
                call(value)
            best[place] = min(best[place], (perf_counter() - start) / CALLS * 1e6)
    return best[0], best[1]


def measure() -> list[Row]:
    """Microseconds a call."""
    routes = {key: ensemble(*members, name=key) for key, members in MEMBERS.items()}
    graph = Graph("routed", float) >> router(size, routes)
    graph.load()
    watched = graph.compile(watch=StepWatch(Metrics()))
    hand, ours = pair(by_hand, graph, 3.0)
    what = "router to an ensemble of three, over the same by hand"
    return [
        Row(what, hand, ours, "µs", value=ours / hand, bound=3.0),
        _watched(hand, pair(by_hand, watched, 3.0)[1]),
        _model(),
    ]


def _watched(hand: float, ours: float) -> Row:
    """Five steps are counted and timed on the way: the router, the ensemble, its members."""
    each = (ours - 3 * hand) / 5
    what = "the same, every step counted and timed, over 3 times by hand, a step"
    return Row(what, hand, ours, "µs", value=each, bound=1.0, says="µs over")


def _model() -> Row:
    import numpy

    model = OnnxModel(ModelFile("model.onnx", str(DATA), "bench"), outputs=["probabilities"])
    model.load()
    session = model._session

    def plain(row: list[float]) -> Any:
        feed = {"features": numpy.asarray([row], dtype="float32")}
        return session.run(["probabilities"], feed)[0].tolist()[0]

    floor, ours = pair(plain, model, FEATURES)
    what = "ONNX model step with its checks, over onnxruntime's own call of one row"
    return Row(what, floor, ours, "µs", value=ours / floor, bound=3.0)
