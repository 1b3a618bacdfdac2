"""64 concurrent requests of one row each through a batched ONNX model, against the same model asked
row by row; and what waiting for company costs.

Two models: the flights' one, which takes less time than asyncio needs for a request, and a net of
2,048 wide layers, which takes what models take.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from pelton import Graph
from pelton.serving_graph.models.file import ModelFile
from pelton.serving_graph.models.onnx import OnnxModel
from pelton.serving_graph.steps.batched import batched

from .row import Row

CALLERS, WAIT = 64, 0.005
SMALL = Path(__file__).parent.parent / "tests" / "serving_graph" / "data" / "model.onnx"
WIDTH, FEATURES = 2048, 23
VALUE = [9.0, 8.5, 500.0, 12.0, *([0.0] * 19)]

Call = Callable[[list[float]], Any]


class Net:
    """A class step around the model, so that both graphs ask one session."""

    def __init__(self, path: str) -> None:
        place = Path(path)
        self.model = OnnxModel(ModelFile(place.name, str(place.parent), "bench"))

    def load(self) -> None:
        self.model.load()


class ByRow(Net):
    async def __call__(self, value: list[float]) -> Any:
        return self.model(value)


class ByBatch(Net):
    def __call__(self, values: list[list[float]]) -> list[Any]:
        answers = self.model(values)
        if isinstance(answers, dict):
            rows = zip(*answers.values(), strict=True)
            return [dict(zip(answers, row, strict=True)) for row in rows]
        return list(answers)


async def rate(call: Call, each: int) -> float:
    """Requests a second of callers that ask again when they are answered."""

    async def caller() -> None:
        for _ in range(each):
            await call(VALUE)

    start = perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return CALLERS * each / (perf_counter() - start)


def measured(path: Path, each: int, rounds: int) -> tuple[float, float]:
    """Requests a second, row by row and batched: the best round of each, taken in turns."""
    from pelton import step

    plain: Graph[Any, Any] = Graph("plain", list[float]) >> step(ByRow, path=str(path))
    graph: Graph[Any, Any] = Graph("batched", list[float])
    graph = graph >> batched(step(ByBatch, path=str(path)), max_wait=WAIT, is_async=True)
    plain.load()
    graph.load()
    best = [0.0, 0.0]
    for _ in range(rounds):
        best[0] = max(best[0], asyncio.run(rate(plain, max(1, each // 8))))
        best[1] = max(best[1], asyncio.run(rate(graph, each)))
    return best[0], best[1]


def make_net(path: Path) -> None:
    """A net of three layers with weights of no meaning."""
    import numpy
    import onnx
    from onnx import helper, numpy_helper

    random = numpy.random.default_rng(0)
    sizes = [(FEATURES, WIDTH), (WIDTH, WIDTH), (WIDTH, WIDTH), (WIDTH, 1)]
    weights = [
        numpy_helper.from_array(
            (random.standard_normal(size) / size[0] ** 0.5).astype("float32"), f"w{place}"
        )
        for place, size in enumerate(sizes)
    ]
    nodes, last = [], "x"
    for place in range(len(sizes)):
        given = "y" if place == len(sizes) - 1 else f"m{place}"
        nodes.append(helper.make_node("MatMul", [last, f"w{place}"], [given]))
        if given != "y":
            nodes.append(helper.make_node("Relu", [given], [f"r{place}"]))
        last = f"r{place}"
    number = onnx.TensorProto.FLOAT
    ends = [
        [helper.make_tensor_value_info(name, number, ["n", size])]
        for name, size in (("x", FEATURES), ("y", 1))
    ]
    graph = helper.make_graph(nodes, "net", *ends, weights)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


def measure() -> list[Row]:
    """Requests a second, and milliseconds."""
    rows = [_small()]
    try:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "net.onnx"
            make_net(path)
            rows.append(_large(path))
    except ModuleNotFoundError as error:
        print(f"no large model: {error.name} is not installed", file=sys.stderr)
    return [*rows, _added_wait()]


def _small() -> Row:
    plain, ours = measured(SMALL, 16, 40)
    what = "64 callers, one row each of a small model, batched over row by row"
    return Row(what, plain, ours, "/s", value=ours / plain, bound=1.0, at_least=True)


def _large(path: Path) -> Row:
    plain, ours = measured(path, 8, 5)
    what = "64 callers, one row each of a model of 2,048 wide layers, batched over row by row"
    return Row(what, plain, ours, "/s", value=ours / plain, bound=5.0, at_least=True)


def _added_wait() -> Row:
    """What a request waits for its batch, p50, where another comes every half a millisecond and
    more are always on their way: nobody is alone, and no batch is ever full."""
    waited: list[float] = []

    async def come(number: int) -> float:
        await asyncio.sleep(0.004)
        return perf_counter()

    def note(came: list[float]) -> list[float]:
        now = perf_counter()
        waited.extend(now - each for each in came)
        return came

    graph: Graph[Any, Any] = Graph("waits", int) >> come >> batched(note, max_wait=WAIT)
    graph.load()

    async def main() -> None:
        tasks = []
        for number in range(400):
            tasks.append(asyncio.ensure_future(graph.acall(number)))
            await asyncio.sleep(0.0005)
        await asyncio.gather(*tasks)

    asyncio.run(main())
    half = median(waited) * 1e3
    what = "added wait of a request, p50, with a bound of 5 ms"
    return Row(what, WAIT * 1e3, half, "ms", value=half, bound=WAIT * 1e3, says="ms")
