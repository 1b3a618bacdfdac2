"""Steps that may fail: what stands in their place, and how it is said."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pelton import App, Context, Graph, NotReady, Reject, ensemble, http, parallel, steps, testing
from pelton.handlers.errors import GraphError
from pelton.serving_graph.failure import Failure


def inverse(x: float) -> float:
    return 1 / x


async def later_inverse(x: float) -> float:
    await asyncio.sleep(0)
    return 1 / x


def double(x: float) -> float:
    return 2 * x


def refuse(x: float) -> float:
    raise Reject("bad")


def either(answer: float | Failure) -> str:
    return answer.error if isinstance(answer, Failure) else f"{answer}"


both = pytest.mark.parametrize("one", [inverse, later_inverse])


@both
def test_a_failure_is_a_value_of_the_answer(one: Any) -> None:
    graph = Graph("g", float) >> parallel(twice=double, part=steps.optional(one))
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    assert asyncio.run(graph.acall(4)) == {"twice": 8, "part": 0.25}
    context = Context()
    answer = asyncio.run(graph.acall(0, context))
    failed = answer["part"]
    assert (failed.step, failed.error) == (
        f"g/parallel/part/optional({one.__name__})/{one.__name__}",
        "ZeroDivisionError",
    )
    assert json.loads(json.dumps(answer)) == {
        "twice": 0,
        "part": {"step": failed.step, "error": failed.error, "message": failed.message},
    }
    assert context.failed == [failed]


@both
def test_what_comes_after_takes_both(one: Any) -> None:
    graph = Graph("g", float) >> steps.optional(one) >> either
    assert graph.steps[0].output_type == float | Failure
    assert [asyncio.run(graph.acall(x)) for x in (2, 0)] == ["0.5", "ZeroDivisionError"]
    with pytest.raises(GraphError, match=r"gives float \| Failure but step 'double' takes float"):
        Graph("g", float) >> steps.optional(one) >> double


def test_a_required_branch_fails_the_event() -> None:
    with pytest.raises(Reject):
        (Graph("g", float) >> parallel(a=refuse, b=steps.optional(inverse)))(1)


def test_an_event_that_is_cancelled_is_no_failure() -> None:
    async def forever(x: float) -> float:
        await asyncio.Event().wait()
        return x

    async def main() -> None:
        context = Context()
        graph = Graph("g", float) >> steps.optional(forever)
        task = asyncio.ensure_future(graph.acall(1, context))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert context.failed == []

    asyncio.run(main())


def served() -> App:
    app = App("demo")
    graph = Graph("shares", float) >> parallel(
        twice=double, part=steps.optional(inverse, name="teil é")
    )
    app.serve(graph, triggers=[http("POST", "/shares")])
    return app


def test_an_http_reply_names_what_failed() -> None:
    function = served().functions["shares"]
    name = "shares/parallel/part/teil \\u00e9/inverse"
    reply = testing.on_lambda(function, testing.http_v2(0, path="/shares"))
    assert reply["headers"]["pelton-failed"] == name
    assert json.loads(reply["body"])["part"]["error"] == "ZeroDivisionError"
    on_nuclio = testing.on_nuclio(function, testing.nuclio_http(0, path="/shares"))
    assert on_nuclio.headers["pelton-failed"] == name
    good = testing.on_lambda(function, testing.http_v2(1, path="/shares"))
    assert "pelton-failed" not in good["headers"]


def test_parts_of_an_event_say_it_to_the_whole() -> None:
    context = Context()
    graph = Graph("g", float) >> steps.timeout(steps.optional(inverse), 5)
    assert isinstance(graph(0, context), Failure)
    assert len(context.failed) == 1


def test_a_failed_value_survives_a_copy() -> None:
    from copy import copy, deepcopy

    failed = Failure("g/a", "KeyError", "x")
    assert (copy(failed), deepcopy(failed), type(copy(failed))) == (failed, failed, Failure)


def scores(answers: list[float]) -> int:
    return len(answers)


@both
def test_an_ensemble_combines_the_answers_of_those_that_answered(one: Any) -> None:
    members = (steps.optional(one), double)
    graph = Graph("g", float) >> ensemble(*members, weights=[3, 1])
    assert graph.output_type is float
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    context = Context()
    assert asyncio.run(graph.acall(2, context)) == (3 * 0.5 + 4) / 4
    assert context.failed == []
    assert asyncio.run(graph.acall(0, context)) == 0
    assert [each.step for each in context.failed] == [
        f"g/ensemble/{one.__name__}/optional({one.__name__})/{one.__name__}"
    ]
    counted = Graph("g", float) >> ensemble(*members, combine=scores)
    assert [asyncio.run(counted.acall(x)) for x in (2, 0)] == [2, 1]


def test_an_ensemble_of_which_nobody_answered_is_not_ready() -> None:
    graph = Graph("g", float) >> ensemble(steps.optional(inverse), steps.optional(refuse))
    with pytest.raises(NotReady, match="inverse: ZeroDivisionError, refuse: Reject") as caught:
        graph(0)
    assert caught.value.step == "g/ensemble"  # type: ignore[attr-defined]
    alone = Graph("g", float) >> ensemble(steps.optional(inverse), double, weights=[1, 0])
    with pytest.raises(NotReady):
        alone(0)
