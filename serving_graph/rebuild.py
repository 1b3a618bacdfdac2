"""From a spec back to a graph: every reference is resolved, every check is made again."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .fit import type_from_dict
from .graph import Graph
from .kit.base import Step
from .refer import meant, place, resolve, wrong
from .spec import GraphSpec, StepSpec
from .steps import KINDS


def graph_from(spec: GraphSpec) -> Graph[Any, Any]:
    """The graph that `spec` says.  Raises `GraphError` for what is not here or does not fit."""
    import json

    declared = type_from_dict(json.loads(spec.input), resolve)
    graph: Graph[Any, Any] = Graph(spec.name, declared)
    for each in spec.steps:
        graph = graph >> step_from(each)
    return graph


def step_from(spec: StepSpec) -> Step[Any, Any]:
    """The step that `spec` says: each kind's module knows how to make its own again."""
    at = place()
    if spec.kind not in KINDS:
        what = f"step {spec.name!r} is of no known kind: {spec.kind!r}"
        raise wrong(what, meant(spec.kind, list(KINDS)), at=at)
    branches = tuple(
        (branch.key, tuple(step_from(each) for each in branch.steps)) for branch in spec.branches
    )
    kind = import_module(f".steps.{KINDS[spec.kind]}", __package__)
    made: Step[Any, Any] = kind.rebuild(spec, branches, at)
    return made.placed(spec.after)
