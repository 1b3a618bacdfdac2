"""Models as steps: loaded once and shared, warmed up, in versions, and behind a repository."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest

from pelton import App, Context, Event, Graph, InvalidInput, onnx
from pelton.handlers.errors import GraphError, UnknownModel
from pelton.runtime.call import compile_call
from pelton.serving_graph.models.repository import Models, Tensor
from pelton.serving_graph.models.shared import SHARED, Lease, Shared
from pelton.steps import model

FLIGHTS = Path(__file__).parent / "data"
ROW = [9.0, 8.5, 500.0, 12.0, *([0.0] * 19)]

said: list[str] = []


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    said.clear()
    before = len(SHARED)
    yield
    assert len(SHARED) == before


class Line:
    inputs = (Tensor("x", "FP64", (-1,)),)
    outputs = (Tensor("y", "FP64", (-1,)),)

    def __init__(self, slope: float = 1) -> None:
        self.slope = slope

    def load(self, context: Any) -> None:
        said.append(f"load {self.slope}")

    def predict(self, x: float) -> float:
        return self.slope * x

    def close(self) -> None:
        said.append(f"close {self.slope}")


class Waits:
    async def predict(self, x: float, context: Any) -> float:
        await asyncio.sleep(0)
        return x + 1


class Idle:
    pass


def test_two_graphs_share_one_model_and_the_last_closes_it() -> None:
    one = Graph("one", float) >> model(Line, slope=2)
    two = Graph("two", float) >> model(Line, slope=2, name="line")
    other = Graph("other", float) >> model(Line, slope=3)
    for each in (one, two, other):
        each.load()
    assert said == ["load 2", "load 3"]
    assert (one(2.0), two(2.0), other(2.0)) == (4.0, 4.0, 6.0)
    one.stop()
    assert two(2.0) == 4.0 and said == ["load 2", "load 3"]
    two.stop()
    other.stop()
    assert said[2:] == ["close 2", "close 3"]


def test_a_file_is_read_once_for_all_graphs_and_again_when_it_is_another(tmp_path: Path) -> None:
    from pelton.serving_graph.kit.model_file import FileStep
    from pelton.serving_graph.models.file import ModelFile

    def session(graph: Graph[Any, Any]) -> Any:
        (step,) = graph.steps
        assert isinstance(step, FileStep)
        lease = step.lease()
        lease.load()
        found = lease.model
        lease.close()
        return found

    first = Graph("first") >> onnx("data/model.onnx", outputs=["label"], name="a")
    second = Graph("second") >> onnx("data/model.onnx", outputs=["label"], name="b")
    third = Graph("third") >> onnx("data/model.onnx", name="c")
    for each in (first, second, third):
        each.load()
    assert session(first) is session(second)
    assert session(first) is not session(third)
    assert first(ROW) == second(ROW)
    for each in (first, second, third):
        each.stop()
    shutil.copy(FLIGHTS / "model.onnx", tmp_path / "m.onnx")
    file = ModelFile("m.onnx", str(tmp_path), "app")
    before = file.identity()
    (tmp_path / "m.onnx").write_bytes(b"other")
    assert file.identity() != before


def test_whoever_comes_while_a_model_loads_waits_for_it() -> None:
    shared, begun, go = Shared(), threading.Event(), threading.Event()
    made: list[object] = []

    def slow() -> object:
        begun.set()
        assert go.wait(20)
        made.append(object())
        return made[-1]

    got: list[object] = []
    takers = [threading.Thread(target=lambda: got.append(shared.take("k", slow))) for _ in "abc"]
    for each in takers:
        each.start()
    assert begun.wait(20)
    go.set()
    for each in takers:
        each.join(20)
    assert len(made) == 1 and got == made * 3
    assert [shared.give_back("k") for _ in "abc"] == [False, False, True]


def test_a_load_that_fails_is_tried_again_by_the_next() -> None:
    shared = Shared()
    with pytest.raises(ZeroDivisionError):
        shared.take("k", lambda: 1 // 0)
    assert len(shared) == 0 and shared.take("k", lambda: 1) == 1


def test_a_warm_up_that_fails_is_a_failed_load_and_closes_the_model() -> None:
    graph = Graph("g", float) >> model(Line, slope=2, warm_up="text")
    bad = Graph("b") >> onnx("data/model.onnx", warm_up=[1.0], name="m")
    good = Graph("w") >> onnx("data/model.onnx", warm_up=ROW)
    waits = Graph("a", float) >> model(Waits, warm_up=1.0)
    graph.load()
    graph.stop()
    with pytest.raises(
        ValueError, match="the warm-up failed: InvalidInput: takes n x 23"
    ) as caught:
        bad.load()
    assert caught.value.__notes__ == ["in step b/m"]
    for each in (good, waits):
        each.load()
        each.stop()


def test_a_class_model_in_graphs_of_both_kinds() -> None:
    graph = Graph("g", float) >> model(Waits) >> model(Line, slope=2)
    assert graph.is_async and graph.output_type is float
    assert asyncio.run(graph.acall(1.0)) == 4.0
    graph.stop()
    again = Graph.from_spec(json.loads(json.dumps(graph.spec.to_dict())))
    assert again.spec == graph.spec


def test_what_is_no_model() -> None:
    ask: Any = model
    with pytest.raises(GraphError, match="is no class with predict"):
        ask(Idle)
    with pytest.raises(GraphError, match="is no class with predict"):
        ask(Line())
    with pytest.raises(GraphError, match="not JSON-ready"):
        ask(Line, slope={1})
    with pytest.raises(GraphError, match="no version '3' to be the default one; its"):
        model("line", versions={"1": model(Line)}, default="3")
    with pytest.raises(GraphError, match="has no branches"):
        model("line", versions={}, default="3")


def lines(**settings: Any) -> Any:
    both = {"1": model(Line, slope=2), "2": model(Line, slope=3)}
    return model("line", versions=both, default="2", **settings)


def test_a_version_is_said_by_a_field_or_a_header() -> None:
    read = Graph("v") >> _number >> lines()
    named = Graph("n") >> model(
        "size", versions={"1": len, "2": _double_size}, default="1", by="o.version", header=""
    )
    with Context_of({"x-model-version": "1"}) as context:
        assert read(5, context) == 10.0
    assert read(5) == 15.0
    assert named({"o": {"version": 2}}) == 2 and named({"o": 1}) == 1 and named({}) == 0
    with pytest.raises(
        UnknownModel, match="no version '7' of the model 'size'; there are 1, 2"
    ) as e:
        named({"o": SimpleNamespace(version="7")})
    assert e.value.status == 404 and e.value.__notes__ == ["in step n/size"]
    again = Graph.from_spec(json.loads(json.dumps(named.spec.to_dict())))
    assert again.spec == named.spec and again({"o": {"version": 2}}) == 2
    read.stop()


class Context_of:
    def __init__(self, headers: Mapping[str, str]) -> None:
        self.context = Context()
        self.context.event = Event(headers=headers)

    def __enter__(self) -> Context:
        return self.context

    def __exit__(self, *_: object) -> None: ...


def _number(value: int) -> float:
    return float(value)


def _double_size(value: dict[str, Any]) -> int:
    return 2 * len(value)


def test_an_event_s_header_reaches_the_step_through_the_call_path() -> None:
    graph = Graph("v", float) >> lines()
    call = compile_call(App("a").serve(graph))
    assert call(Event(body=5.0, headers={"x-model-version": "1"}), Context()) == 10.0
    assert call(Event(body=5.0), Context()) == 15.0
    untouched = Graph("e", Event) >> model("b", versions={"1": _body, "2": _bang}, default="1")
    assert untouched(Event(body=5, headers={"x-model-version": "2"})) == "5!"
    graph.stop()


def _body(event: Event) -> str:
    return str(event.body)


def _bang(event: Event) -> str:
    return f"{event.body}!"


def test_versions_that_wait_and_versions_that_do_not_mix() -> None:
    mixed = {"1": model(Line, slope=2), "2": model(Waits)}
    graph = Graph("m", float) >> model("mixed", versions=mixed, default="1")
    with Context_of({"x-model-version": "2"}) as context:
        assert asyncio.run(graph.acall(1.0, context)) == 2.0
    assert asyncio.run(graph.acall(1.0)) == 2.0
    graph.stop()


def test_a_repository_of_steps_shares_with_the_graphs() -> None:
    graph = Graph("v", float) >> lines()
    models = Models.of(lines(), onnx("data/model.onnx"))
    graph.load()
    models.load("line")
    assert said == ["load 2", "load 3"]
    found = models.get("line", "1").infer({"x": numpy.array([1.0, 2.0])})
    assert found["y"].tolist() == [2.0, 4.0]
    assert models.get("line").infer({"x": numpy.array([1.0])})["y"].tolist() == [3.0]
    models.load("model")
    assert models.get("model").metadata.inputs[0].name == "features"
    models.unload("line")
    assert graph(1.0) == 3.0 and said == ["load 2", "load 3"]
    with pytest.raises(UnknownModel):
        models.get("line")
    graph.stop()
    assert said[2:] == ["close 3", "close 2"]
    models.close()
    with pytest.raises(GraphError, match="is no model but steps around one"):
        Models.of(model("b", versions={"1": len}, default="1"))


def test_a_class_holds_its_arrays_to_what_it_says() -> None:
    models = Models.of(model(Line), model(Waits), model(Says))
    for name in ("Line", "Waits", "Says"):
        models.load(name)
    with pytest.raises(InvalidInput, match="y: no such input; there are x"):
        models.get("Line").infer({"y": numpy.array([1.0])})
    with pytest.raises(TypeError, match="Waits says no inputs and outputs"):
        models.get("Waits").infer({})
    with pytest.raises(TypeError, match="Says gave b, it says a"):
        models.get("Says").infer({"x": numpy.array([1.0]), "z": numpy.array(["t"])})
    models.close()


class Says:
    inputs = (Tensor("x", "FP64", (-1,)), Tensor("z", "BYTES", (-1,)))
    outputs = (Tensor("a", "FP64", (-1,)),)

    def predict(self, given: Any) -> Any:
        assert sorted(given) == ["x", "z"]
        return {"b": 1}


def test_a_lease_that_is_closed_twice_gives_back_once() -> None:
    shared = Shared()
    first, second = Lease(Fine, lambda: "k", shared=shared), Lease(Fine, lambda: "k", shared=shared)
    first.load()
    second.load()
    first.close()
    first.close()
    assert said == [] and len(shared) == 1
    second.close()
    assert said == ["close"]


class Fine:
    def load(self, context: Any) -> None: ...

    def close(self) -> None:
        said.append("close")
