"""The path of every step, as errors, counts and pictures name it: "graph/step/branch/step".

One rule for all of them; knows no kind but the sub-graph, whose steps are one word deeper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .kit.base import Step
from .spec import Key

if TYPE_CHECKING:
    from .graph import Graph


def branch_path(path: str, key: Key, steps: Sequence[Step[Any, Any]]) -> str:
    """Where a branch of the step at `path` is: its key is a word of the path, unless its only step
    says it or it is "", the key of a holder of one.

    >>> branch_path("shop/router", "large", ())
    'shop/router/large'
    """
    word = str(key).strip("/").replace("/", ".")
    alone = len(steps) == 1 and steps[0].word == word
    return path if alone or not word else f"{path}/{word}"


def inside(step: Step[Any, Any], path: str) -> Iterator[tuple[str, tuple[Step[Any, Any], ...]]]:
    """Each branch of the step at `path`: its path and its steps."""
    for key, steps in step.branches:
        yield path if step.spec.kind == "graph" else branch_path(path, key, steps), steps


def by_path(graph: Graph[Any, Any]) -> dict[str, Step[Any, Any]]:
    """Every step of a graph by its path, those inside others after their holder.

    >>> from pelton import Graph, parallel
    >>> list(by_path(Graph("g", str) >> parallel(a=len, len=len)))
    ['g/parallel', 'g/parallel/a/len', 'g/parallel/len']
    """
    return dict(_steps(graph.steps, graph.name))


def _steps(steps: Sequence[Step[Any, Any]], path: str) -> Iterator[tuple[str, Step[Any, Any]]]:
    for each in steps:
        own = f"{path}/{each.word}"
        yield own, each
        for place, held in inside(each, own):
            yield from _steps(held, place)
