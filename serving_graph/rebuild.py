"""From a spec back to a graph: every reference is resolved, every check is made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .fit import type_from_dict
from .graph import Graph
from .refer import Place, place, resolve, wrong
from .spec import GraphSpec, StepSpec, canonical
from .steps import call, ensemble, onnx, parallel, router
from .steps.base import Step
from .steps.hold import Branches

_LEAVES: dict[str, Callable[[StepSpec, Place], Step[Any, Any]]] = {
    "call": call.rebuild,
    "onnx": onnx.rebuild,
}
_HOLDERS: dict[str, Callable[[StepSpec, Branches, Place], Step[Any, Any]]] = {
    "router": router.rebuild,
    "parallel": parallel.rebuild,
    "ensemble": ensemble.rebuild,
}


def graph_from(spec: GraphSpec) -> Graph[Any, Any]:
    """The graph that `spec` says.  Raises `GraphError` for what is not here or does not fit."""
    import json

    declared = type_from_dict(json.loads(spec.input), resolve)
    graph: Graph[Any, Any] = Graph(spec.name, declared)
    for each in spec.steps:
        graph = graph >> step_from(each)
    return graph


def step_from(spec: StepSpec) -> Step[Any, Any]:
    """The step that `spec` says."""
    at = place()
    if spec.kind == "graph":
        inner = spec.branches[0].steps if spec.branches else ()
        return graph_from(GraphSpec(spec.name, canonical(spec.option("input")), inner)).as_step()
    if spec.kind in _LEAVES:
        return _LEAVES[spec.kind](spec, at)
    if spec.kind not in _HOLDERS:
        raise wrong(f"step {spec.name!r} is of no known kind: {spec.kind!r}", at=at)
    branches = tuple(
        (branch.key, tuple(step_from(each) for each in branch.steps)) for branch in spec.branches
    )
    return _HOLDERS[spec.kind](spec, branches, at)
