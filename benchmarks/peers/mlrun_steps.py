"""Three steps of an MLRun serving graph by its mock server; runs in MLRun's environment.

Prints one JSON line: microseconds an event, the best of several rounds.
"""

import json
from time import perf_counter

import mlrun

EVENTS, ROUNDS = 1000, 5


def first(value):
    return value + 1


def second(value):
    return value * 2


def third(value):
    return value - 3


def server():
    function = mlrun.new_function("three", kind="serving", image="mlrun/mlrun")
    graph = function.set_topology("flow", engine="sync")
    for name in ("first", "second", "third"):
        graph = graph.to(name=name, handler=name)
    graph.respond()
    return function.to_mock_server(namespace=globals())


def microseconds(mock):
    start = perf_counter()
    for value in range(EVENTS):
        mock.test("/", body=value, silent=True)
    return (perf_counter() - start) / EVENTS * 1e6


if __name__ == "__main__":
    mock = server()
    if mock.test("/", body=3) != third(second(first(3))):
        raise SystemExit("the graph gives something else than its steps")
    print(json.dumps({"sync": min(microseconds(mock) for _ in range(ROUNDS))}))
