"""A queue between steps: a pass in-process, kept in a spec, refused where no graph can be cut."""

from __future__ import annotations

import pytest

from pelton import Graph, WrongUse, parallel, steps
from pelton.serving_graph.spec import GraphSpec


def double(n: int) -> int:
    return 2 * n


def halve(n: int) -> int:
    return n // 2


def parity(n: int) -> str:
    return "odd" if n % 2 else "even"


def shout(text: str) -> str:
    return text.upper()


def test_in_process_a_queue_lets_every_value_pass_with_its_type() -> None:
    graph = Graph("g", int) >> double >> steps.queue("later", key=parity) >> halve
    assert graph(3) == 3
    assert graph.steps[1].output_type is int
    with pytest.raises(WrongUse, match="gives int but step 'shout' takes str"):
        Graph("g", int) >> double >> steps.queue("later") >> shout


@pytest.mark.parametrize("key", ["", "leg.origin", parity])
def test_a_spec_keeps_all_of_it(key: object) -> None:
    asked = steps.queue("q", key=key, attempts=3, backoff=2, window=60, dead_letter="bad")  # type: ignore[arg-type]
    graph = Graph("g") >> double >> asked >> halve
    again = Graph.from_spec(GraphSpec.from_dict(graph.spec.to_dict()))
    assert again.spec == graph.spec


def test_a_queue_in_a_branch_is_refused() -> None:
    inner = steps.step(double) >> steps.queue("later") >> parity
    with pytest.raises(WrongUse, match=r"queue 'later' is inside parallel 'parallel'; a graph is"):
        parallel(a=inner, b=double)
    with pytest.raises(WrongUse, match="inside graph 'sub'"):
        Graph("g", int) >> (Graph("sub", int) >> double >> steps.queue("later") >> halve)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("a b", {}, "a queue cannot be named 'a b'"),
        ("q", {"kind": "kafka"}, "queue 'q' is of no known kind: 'kafka'"),
        ("q", {"attempts": 0}, "attempts=0 is outside 1 to 100"),
        ("q", {"backoff": -1}, "backoff=-1 is below 0"),
        ("q", {"window": 43201}, "window=43201 is outside"),
        ("q", {"key": 7}, "key=7 is neither a field nor a function"),
    ],
)
def test_wrong_words(name: str, options: dict[str, object], said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        steps.queue(name, **options)  # type: ignore[arg-type]
