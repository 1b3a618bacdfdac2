"""Errors that become answers: by type, in order, for a step and for a whole graph."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pelton import Context, Graph, InvalidInput, Reject, steps
from pelton.handlers.errors import GraphError


def share(n: int) -> float:
    return 12 / n


async def later_share(n: int) -> float:
    await asyncio.sleep(0)
    return 12 / n


def nothing(error: ZeroDivisionError) -> str:
    return "nothing"


async def later_nothing(error: ZeroDivisionError, n: int, context: Context) -> str:
    await asyncio.sleep(0)
    return f"nothing for {n} in {context.function_name}"


def at_all(error: Exception, n: int) -> str:
    return f"{type(error).__name__} at {n!r}"


def reject(n: int) -> int:
    raise Reject("bad")


def half(n: float) -> float:
    return n / 2


def told(answer: float | str) -> str:
    return str(answer)


def same(given: dict[str, float]) -> dict[str, float]:
    return given


def wants_text(error: ZeroDivisionError, text: str) -> str:
    return text


def again(error: ZeroDivisionError) -> str:
    raise error


def worse(error: ZeroDivisionError, n: int) -> str:
    raise LookupError(n)


def answer(graph: Graph[Any, Any], value: Any, context: Context | None = None) -> Any:
    """The graph's answer, by way of its spec, too: both must be the same."""
    rebuilt = Graph.from_spec(graph.spec.to_dict())
    assert rebuilt.spec == graph.spec
    made = asyncio.run(graph.acall(value, context))
    assert asyncio.run(rebuilt.acall(value, context)) == made
    return made


@pytest.mark.parametrize("one", [share, later_share])
def test_a_handler_answers_for_its_errors(one: Any) -> None:
    graph = Graph("g", int) >> steps.catch(one, {ZeroDivisionError: nothing})
    assert graph.output_type == float | str
    assert (answer(graph, 4), answer(graph, 0)) == (3.0, "nothing")
    assert [each.name for each in graph.steps] == [one.__name__]


@pytest.mark.parametrize("one", [share, later_share])
def test_a_handler_may_wait_and_ask_for_the_input_and_the_context(one: Any) -> None:
    graph = Graph("g", int) >> steps.catch(one, {ZeroDivisionError: later_nothing})
    context = Context(function_name="shares")
    assert answer(graph, 0, context) == "nothing for 0 in shares"


def test_the_first_that_fits_is_asked() -> None:
    handlers = {(ZeroDivisionError, LookupError): nothing, Exception: at_all}
    with pytest.raises(GraphError, match="a handler is given LookupError but step 'nothing'"):
        steps.catch(share, handlers)
    graph = Graph("g") >> steps.catch(share, {ZeroDivisionError: nothing, Exception: at_all})
    assert [answer(graph, n) for n in (0, "x")] == ["nothing", "TypeError at 'x'"]


def test_what_refuses_the_event_is_an_error_like_others() -> None:
    graph = Graph("g", int) >> steps.catch(reject, {Exception: at_all})
    assert answer(graph, 1) == "Reject at 1"
    other = Graph("g", int) >> steps.catch(reject, {InvalidInput: at_all})
    with pytest.raises(Reject):
        other(1)


def test_what_no_handler_is_for_keeps_its_step() -> None:
    graph = Graph("g", int) >> steps.catch(share, {KeyError: at_all}, name="safe")
    with pytest.raises(ZeroDivisionError) as caught:
        graph(0)
    assert caught.value.step == "g/safe/share"  # type: ignore[attr-defined]


def test_a_handler_may_raise() -> None:
    same = Graph("g", int) >> steps.catch(share, {ZeroDivisionError: again}, name="safe")
    with pytest.raises(ZeroDivisionError) as caught:
        same(0)
    assert caught.value.step == "g/safe/share"  # type: ignore[attr-defined]
    other = Graph("g", int) >> steps.catch(share, {ZeroDivisionError: worse}, name="safe")
    with pytest.raises(LookupError) as raised:
        other(0)
    assert raised.value.step == "g/safe/ZeroDivisionError/worse"  # type: ignore[attr-defined]
    assert isinstance(raised.value.__context__, ZeroDivisionError)


@pytest.mark.parametrize("one", [share, later_share])
def test_a_whole_graph_has_handlers(one: Any) -> None:
    graph = (Graph("g", int) >> one >> half).catch({ZeroDivisionError: at_all})
    assert graph.output_type == float | str
    assert (answer(graph, 4), answer(graph, 0)) == (1.5, "ZeroDivisionError at 0")
    longer = graph >> told
    assert answer(longer, 0) == "ZeroDivisionError at 0"


def test_a_flow_has_handlers() -> None:
    graph = Graph("g", int).to(share).to(half, after="input").to(same, after=["share", "half"])
    caught = graph.catch({ZeroDivisionError: at_all})
    assert answer(caught, 4) == {"share": 3.0, "half": 2.0}
    assert answer(caught, 0) == "ZeroDivisionError at 0"


def test_an_event_that_goes_no_further_is_no_error() -> None:
    def never(n: int) -> bool:
        return False

    inner = steps.filter(never)
    assert (Graph("g", int) >> steps.catch(inner, {Exception: at_all}))(1) is None


def test_what_cannot_work_is_refused_at_build() -> None:
    with pytest.raises(GraphError, match=r"ZeroDivisionError never comes to its handler, as Arith"):
        steps.catch(share, {ArithmeticError: at_all, ZeroDivisionError: nothing})
    with pytest.raises(GraphError, match="takes str for it") as wrong:
        steps.catch(share, {ZeroDivisionError: wants_text})
    assert wrong.value.file == __file__
    with pytest.raises(GraphError, match="is not a class of errors"):
        steps.catch(share, {KeyboardInterrupt: at_all})
    with pytest.raises(GraphError, match="is not a class of errors"):
        steps.catch(share, {"ZeroDivisionError": at_all})
    with pytest.raises(GraphError, match="has no handlers"):
        steps.catch(share, {})
    with pytest.raises(GraphError, match="has no steps"):
        Graph("g", int).catch({KeyError: at_all})
    with pytest.raises(GraphError, match="takes 3 values"):
        steps.catch(share, {KeyError: lambda error, n, more: n})
