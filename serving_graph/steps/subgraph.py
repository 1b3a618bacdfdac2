"""A graph as a step of another: its steps keep their own path, one word deeper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..fit import type_from_dict
from ..kit.base import Bound, Branches, Step
from ..kit.hold import Holder
from ..refer import Place, resolve
from ..spec import GraphSpec, StepSpec, canonical

if TYPE_CHECKING:
    from ..run import Worker


class Subgraph(Holder):
    """The steps of another graph, under that graph's name."""

    streamable = True

    def __init__(
        self, name: str, spec: GraphSpec, steps: tuple[Step[Any, Any], ...], types: Any, at: Place
    ) -> None:
        options = canonical({"input": spec.to_dict()["input"]})
        super().__init__("graph", name, ((None, steps),), at, options=options)
        self.input_type, self.output_type = types
        self.streams = self.branches[0][1][-1].streams

    def bind(self, worker: Worker, path: str) -> Bound:
        steps, waits = self.branches[0][1], self.is_async
        run, many = worker.sequences(steps, path, is_async=waits)
        return Bound(self.name, path, run, is_async=waits, context="context", many=many)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    from ..graph import Graph

    declared = type_from_dict(spec.option("input"), resolve)
    graph: Graph[Any, Any] = Graph(spec.name, declared)
    for each in branches[0][1] if branches else ():
        graph = graph >> each
    return graph.as_step()
