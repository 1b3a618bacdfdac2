"""A three-step graph against the same three plain calls."""

from __future__ import annotations

from time import perf_counter

from pelton.serving_graph import Graph

from .row import Row

ROUNDS, CALLS = 60, 2000


def first(value: int) -> int:
    return value + 1


def second(value: int) -> int:
    return value * 2


def third(value: int) -> int:
    return value - 3


def measure() -> list[Row]:
    """Microseconds a call, the best of many short rounds taken in turns."""
    graph = Graph("three", int) >> first >> second >> third
    graph.load()
    plain_best = graph_best = float("inf")
    for _ in range(ROUNDS):
        start = perf_counter()
        for value in range(CALLS):
            third(second(first(value)))
        middle = perf_counter()
        for value in range(CALLS):
            graph(value)
        end = perf_counter()
        plain_best = min(plain_best, (middle - start) / CALLS * 1e6)
        graph_best = min(graph_best, (end - middle) / CALLS * 1e6)
    excess = graph_best - 1.5 * plain_best
    return [
        Row(
            "three-step graph, over 1.5 times three plain calls",
            plain_best,
            graph_best,
            "µs",
            value=excess,
            bound=2.0,
            says="µs over",
        )
    ]


if __name__ == "__main__":
    print(*(row.line() for row in measure()), sep="\n")
