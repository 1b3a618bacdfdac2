"""Any graph as JSON and YAML, and back; two graphs differ by exactly what was changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton import Graph, parallel, router, step
from pelton.handlers.errors import GraphError
from pelton.serving_graph.spec import BranchSpec, GraphSpec, StepSpec, canonical
from pelton.serving_graph.texts import from_json, from_yaml, to_json, to_yaml

from ..tries import tries
from .random_graphs import Recipe, add, graphs

INPUTS = (-7, 0, 1, 5)

words = st.text(st.characters(codec=None), max_size=6)
keys = words | st.integers() | st.booleans() | st.none()
values: st.SearchStrategy[Any] = st.recursive(
    keys | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
options = st.dictionaries(words, values, max_size=3).map(canonical)
after = st.lists(words, max_size=2).map(tuple)
leaves = st.builds(StepSpec, words, words, words, options, after=after)


def holding(inner: st.SearchStrategy[StepSpec]) -> st.SearchStrategy[StepSpec]:
    branch = st.builds(BranchSpec, keys, st.lists(inner, max_size=2).map(tuple))
    return st.builds(StepSpec, words, words, branches=st.lists(branch, max_size=2).map(tuple))


specs = st.lists(st.recursive(leaves, holding, max_leaves=6), max_size=3).map(tuple)


@given(words, values.map(canonical), specs)
def test_any_spec_comes_back_from_its_texts(
    name: str, given_input: str, found: tuple[StepSpec, ...]
) -> None:
    spec = GraphSpec(name, given_input, found)
    assert from_json(to_json(spec)) == spec
    assert from_yaml(to_yaml(spec)) == spec


def answers(graph: Graph[Any, Any]) -> list[Any]:
    async def all_of_them() -> list[Any]:
        return [await graph.acall(each) for each in INPUTS]

    return asyncio.run(all_of_them())


@settings(max_examples=tries(25), deadline=None)
@given(graphs(queues=True))
def test_a_random_graph_comes_back_from_its_texts_and_does_the_same(recipe: Recipe) -> None:
    graph = recipe.graph()
    for again in (Graph.from_json(graph.to_json()), Graph.from_yaml(graph.to_yaml())):
        assert again.spec == graph.spec
        assert not graph.diff(again) and str(graph.diff(again)) == ""
        assert answers(again) == answers(graph)


@settings(max_examples=tries(25), deadline=None)
@given(graphs())
def test_a_random_graph_answers_the_same_when_its_steps_wait(recipe: Recipe) -> None:
    plain = answers(recipe.graph())
    assert answers(recipe.graph("all")) == plain
    assert answers(recipe.graph("some")) == plain


def numbers(given: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step with an argument `by`, somewhere in a spec's dict."""
    for each in given["steps"]:
        if "by" in each["options"].get("arguments", {}):
            yield each["name"], each["options"]["arguments"]
        for branch in each["branches"]:
            yield from numbers(branch)


@settings(max_examples=tries(25), deadline=None)
@given(graphs(), st.data())
def test_a_changed_argument_is_the_whole_diff(recipe: Recipe, data: st.DataObject) -> None:
    graph = recipe.graph()
    told = graph.spec.to_dict()
    name, arguments = data.draw(st.sampled_from(list(numbers(told)) or [("", {})]))
    if not name:
        return
    old = arguments["by"]
    arguments["by"] = 100
    (change,) = graph.diff(Graph.from_spec(told)).changes
    assert change.what == "changed" and change.path.rpartition("/")[2] == name
    assert change.said == (f"arguments.by: {old} -> 100",)


@settings(max_examples=tries(25), deadline=None)
@given(graphs())
def test_a_step_more_is_the_whole_diff_and_one_less_the_other_way_round(recipe: Recipe) -> None:
    graph = recipe.graph()
    longer = graph >> step(add, name="one-more", by=1)
    (more,), (less,) = graph.diff(longer).changes, longer.diff(graph).changes
    assert [more.what, less.what] == ["added", "removed"]
    assert more.path == less.path == "one-more"


def test_a_step_elsewhere_has_moved() -> None:
    a, b, c = (step(add, name=name, by=1) for name in "abc")
    old = Graph("g", int) >> a >> b >> c
    assert str(old.diff(Graph("g", int) >> c >> a >> b)) == "> c: was after b, is first"
    apart = Graph("g", int) >> parallel(p=a, q=step(add, name="x", by=2) >> b)
    there = Graph("g", int) >> parallel(
        p=step(add, name="a", by=1) >> b, q=step(add, name="x", by=2)
    )
    assert str(apart.diff(there)) == "> parallel/p/b: was at parallel/q/b"
    assert {each.what for each in old.diff(apart).changes} == {"removed", "added"}


def double(value: int) -> int:
    return 2 * value


def text(value: int) -> str:
    return str(value)


def test_each_kind_of_change_is_said() -> None:
    old = Graph("g", int) >> router(double, {1: double, "a": text}, name="route")
    new = Graph("h") >> router(text, {"1": text}, name="route")
    assert str(old.diff(new)).replace(__name__, "x").splitlines() == [
        "~ the graph:",
        "    name: g -> h",
        "    input: int -> Any",
        "- route/1/double: call x:double, int -> int",
        "> route/1/text: was at route/a/text",
        '~ route: by.function: "x:double" -> "x:text"',
    ]


def test_another_function_under_the_same_name_is_said_with_its_types() -> None:
    old = Graph("g", int) >> step(double, name="last")
    assert (
        str(old.diff(Graph("g", int) >> step(text, name="last")))
        == f"""\
~ last:
    reference: {__name__}:double -> {__name__}:text
    gives: int -> str"""
    )


def test_the_order_of_branches_and_what_a_step_comes_after_are_told() -> None:
    (change,) = (
        (Graph("g") >> parallel(a=double, b=text))
        .diff(Graph("g") >> parallel(b=text, a=double))
        .changes
    )
    assert (change.path, change.said) == ("parallel", ('branches: "a", "b" -> "b", "a"',))
    flow = Graph("g", int).to(double).to(step(double, name="other"), after="input")
    ends = flow.to(text, after="double"), flow.to(text, after="other")
    (change,) = ends[0].diff(ends[1]).changes
    assert str(change) == "~ text: after: double -> other"


@pytest.mark.parametrize(
    ("given_text", "says"),
    [
        ("[", "does not parse"),
        ("[]", "holds a mapping"),
        ("{}", "no 'name'"),
        ('{"name": "g", "steps": 3}', "none of a graph"),
        ('{"name": "g", "steps": [{"kind": "call", "name": "a", "branches": [1]}]}', "none of a"),
        ('{"name": "g", "steps": [{"kind": "loop", "name": "a"}]}', "no known kind"),
    ],
)
def test_a_text_that_is_none_of_a_graph(given_text: str, says: str) -> None:
    for read in (Graph.from_json, Graph.from_yaml):
        with pytest.raises(GraphError, match=says):
            read(given_text)


def test_yaml_makes_no_objects() -> None:
    with pytest.raises(GraphError, match="does not parse"):
        Graph.from_yaml("!!python/object/apply:os.system ['true']")


def test_a_text_reads_in_a_human_order() -> None:
    graph = Graph("g", int) >> step(add, name="more", by=2)
    assert json.loads(graph.to_json()) == {
        "name": "g",
        "input": {"type": "builtins:int"},
        "steps": [
            {
                "kind": "call",
                "name": "more",
                "reference": f"{add.__module__}:add",
                "options": {"arguments": {"by": 2}},
            }
        ],
    }
    assert list(json.loads(graph.to_json())) == ["name", "input", "steps"]
    begins = "name: g\ninput:\n  type: builtins:int\nsteps:\n- kind: call\n"
    assert graph.to_yaml().startswith(begins)
