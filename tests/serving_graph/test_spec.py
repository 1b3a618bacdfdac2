"""A spec goes to JSON and back; a graph goes to its spec and back; `>>` is associative."""

from __future__ import annotations

import json
import pickle
from importlib import import_module
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import Graph, ensemble, onnx, parallel, router, step
from pelton.handlers.errors import GraphError
from pelton.serving_graph.kit.base import Step
from pelton.serving_graph.spec import BranchSpec, GraphSpec, StepSpec, canonical
from pelton.serving_graph.steps import KINDS

names = st.text("abcdef", min_size=1, max_size=4)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
options = st.dictionaries(names, json_values, max_size=3).map(canonical)
plain_steps = st.builds(StepSpec, names, names, st.text(max_size=8), options)


def holding(inner: st.SearchStrategy[StepSpec]) -> st.SearchStrategy[StepSpec]:
    keys = names | st.integers() | st.booleans() | st.none()
    branch = st.builds(BranchSpec, keys, st.lists(inner, max_size=2).map(tuple))
    return st.builds(
        StepSpec, names, names, branches=st.lists(branch, max_size=2).map(tuple), options=options
    )


specs = st.recursive(plain_steps, holding, max_leaves=6)


@given(names, json_values.map(canonical), st.lists(specs, max_size=3).map(tuple))
def test_a_spec_survives_json(name: str, given_input: str, steps: tuple[StepSpec, ...]) -> None:
    spec = GraphSpec(name, given_input, steps)
    read = GraphSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert read == spec and hash(read) == hash(spec)
    assert pickle.loads(pickle.dumps(spec)) == spec


@given(st.lists(st.integers(0, 99), min_size=2, max_size=6), st.data())
def test_joining_is_associative(numbers: list[int], data: st.DataObject) -> None:
    steps = [step(add, name=f"s{place}", by=by) for place, by in enumerate(numbers)]
    cut = data.draw(st.integers(1, len(steps) - 1))
    one: Graph[int, int] = Graph("sum", int)
    for each in steps:
        one = one >> each
    head, tail = joined(steps[:cut]), joined(steps[cut:])
    assert (Graph("sum", int) >> head >> tail).spec == one.spec
    assert (Graph("sum", int) >> (head >> tail)).spec == one.spec
    assert one(1) == 1 + sum(numbers)


def joined(steps: list[Step[int, int]]) -> Step[int, int]:
    first, *rest = steps
    for each in rest:
        first = first >> each
    return first


def add(value: int, by: int = 0) -> int:
    return value + by


def even(value: int) -> bool:
    return value % 2 == 0


def most(values: list[int]) -> int:
    return max(values)


class Times:
    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, value: int) -> int:
        return value * self.by


def everything() -> Graph[Any, Any]:
    inner = Graph("inner", int) >> step(Times, name="double", by=2)
    branch = step(add, name="one", by=1) >> step(add, name="two", by=2)
    best: Step[Any, Any] = ensemble(add, step(Times, by=3), combine=most, name="best")
    mean: Step[Any, Any] = ensemble(add, Times3, weights=[1, 3], name="mean")
    route = router(even, {True: branch, False: inner}, default=add, name="route")
    return Graph("all", int) >> route >> best >> parallel(a=add, mean=mean)


def Times3(value: int) -> int:
    return value * 3


def test_a_graph_is_made_again_from_its_spec() -> None:
    graph = everything()
    again = Graph.from_spec(json.loads(json.dumps(graph.spec.to_dict())))
    assert again.spec == graph.spec and again.is_async == graph.is_async
    assert [again(value) for value in (1, 2)] == [graph(value) for value in (1, 2)]
    assert graph(1) == {"a": 6, "mean": 15.0}


def test_a_model_step_is_made_again_from_its_spec() -> None:
    graph = Graph("m") >> onnx("models/m.onnx", inputs=["a", "b"], sha256="AB")
    again = Graph.from_spec(graph.spec)
    assert again.spec == graph.spec and again.files() == graph.files()
    (file,) = graph.files()
    assert (file.declared, file.sha256, file.module) == ("models/m.onnx", "ab", __name__)
    assert file.path.endswith("serving_graph/models/m.onnx")


def test_modules_are_those_of_the_steps() -> None:
    graph = Graph("m") >> json.dumps >> onnx("m.onnx")
    assert graph.modules() == ("json", __name__)
    assert everything().modules() == (__name__,)


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("json:missing", "the module json has no missing"),
        ("no_such_module_here:f", "names a module that is not here"),
        ("test:f.<locals>.g", "names nothing that can be imported"),
        ("json", "names nothing that can be imported"),
    ],
)
def test_a_reference_that_leads_nowhere(reference: str, says: str) -> None:
    spec = GraphSpec("g", steps=(StepSpec("call", "a", reference),))
    with pytest.raises(GraphError, match=says):
        Graph.from_spec(spec)


def test_a_spec_that_is_not_one() -> None:
    with pytest.raises(GraphError, match="no 'steps'"):
        Graph.from_spec({"name": "g"})
    with pytest.raises(GraphError, match="no known kind"):
        Graph.from_spec(GraphSpec("g", steps=(StepSpec("loop", "a"),)))


def test_the_folder_of_kinds_holds_kinds_only_each_with_its_way_back() -> None:
    """What several kinds share is in `kit`."""
    folder = files("pelton.serving_graph.steps")
    there = {each.name.removesuffix(".py") for each in folder.iterdir() if each.name[-3:] == ".py"}
    assert there - {"__init__"} == set(KINDS.values())
    for module in KINDS.values():
        assert callable(import_module(f"pelton.serving_graph.steps.{module}").rebuild), module
