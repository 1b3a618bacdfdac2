"""Another step in place of one that fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pelton import Context, Graph, Reject, steps, testing
from pelton.handlers.errors import GraphError


def model(x: float) -> float:
    return 1 / x


async def later_model(x: float) -> float:
    await asyncio.sleep(0)
    return 1 / x


def constant(x: float) -> str:
    return "about one half"


def worse(x: float) -> float:
    raise LookupError(x)


def refuse(x: float) -> float:
    raise Reject("bad")


def of_text(text: str) -> float:
    return float(text)


both = pytest.mark.parametrize("one", [model, later_model])


@both
def test_the_other_answers_and_the_log_says_so(one: Any) -> None:
    graph = Graph("g", float) >> steps.fallback(one, constant, name="score")
    assert graph.output_type == float | str
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    lines: list[str] = []
    context = testing.make_context(lines=lines)
    assert [asyncio.run(graph.acall(x, context)) for x in (4, 0)] == [0.25, "about one half"]
    (line,) = lines
    assert f'"step": "g/score/{one.__name__}"' in line
    assert "ZeroDivisionError" in line


@both
def test_when_both_fail_both_errors_are_there(one: Any) -> None:
    graph = Graph("g", float) >> steps.fallback(one, worse, name="score")
    with pytest.raises(LookupError) as caught:
        asyncio.run(graph.acall(0))
    assert isinstance(caught.value.__context__, ZeroDivisionError)
    assert caught.value.step == "g/score/other/worse"  # type: ignore[attr-defined]


def test_what_refuses_the_event_passes_unless_named() -> None:
    with pytest.raises(Reject):
        (Graph("g", float) >> steps.fallback(refuse, constant))(1)
    assert (Graph("g", float) >> steps.fallback(refuse, constant, on=Reject))(1) == "about one half"


def test_other_errors_and_events_without_time_pass() -> None:
    graph = Graph("g", float) >> steps.fallback(model, constant, on=ConnectionError)
    with pytest.raises(ZeroDivisionError):
        graph(0)
    late = Context(deadline=1.0, clock=lambda: 2.0)
    with pytest.raises(ZeroDivisionError):
        (Graph("g", float) >> steps.fallback(model, constant))(0, late)


def test_both_take_one_type() -> None:
    with pytest.raises(GraphError, match="branch 'other' takes str, branch '' takes float"):
        steps.fallback(model, of_text)
