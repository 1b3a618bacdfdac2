"""Chunks in this process, one after another: what every other engine's results are equal to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...graph import Graph
from ..work import Chunk, Hand, Outcome, Work


class Local:
    """Runs the graph itself, so its steps may be any (also ones that no spec can name)."""

    remote = False

    def __init__(self, *, workers: int | None = None) -> None:
        self.graph: Graph[Any, Any] | None = None

    def run(self, work: Work, chunks: Iterable[Chunk]) -> Iterator[list[Outcome]]:
        graph = self.graph or Graph.from_spec(work.graph)
        hand = Hand(graph, decode=work.decode)
        try:
            for chunk in chunks:
                yield hand.run(chunk)
        finally:
            hand.close()
