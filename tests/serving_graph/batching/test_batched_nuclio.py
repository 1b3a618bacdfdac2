"""Nuclio's batches through a graph with a batched step: few calls, each event for itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

import pelton
from pelton import App, Graph, http, steps
from pelton.runtime.logs import JsonLogger
from pelton.runtime.nuclio import make_entry
from pelton.runtime.nuclio_shapes import Context, Logger, Platform, TriggerInfo
from pelton.testing import on_nuclio
from pelton.testing_events import nuclio_bridged, nuclio_http, redis

from .inverses import CALLS, inverse, later_positive, positive


@pytest.fixture(autouse=True)
def _forget() -> None:
    CALLS.clear()


def answered(function: Any, events: list[Any], *, begun: bool = True) -> list[Any]:
    """What the entry of a function gives Nuclio's wrapper for a batch."""
    logger = Logger(JsonLogger({}, write=list[str]().append))
    raw = Context(logger, Platform("test"), TriggerInfo("http", "http"))
    handler, init_context = make_entry(function)
    if begun:
        init_context(raw)
    found: list[Any] = handler(raw, events)
    return found


def graph_of(first: Any) -> Any:
    return Graph("inverse", float) >> first >> steps.batched(inverse, max_rows=8)


@pytest.mark.parametrize("first", [positive, later_positive])
def test_a_batch_is_few_calls_and_each_event_has_its_own_answer(first: Any) -> None:
    bodies = [1, 2, 0, '"no number"', -4, 14, b"{", *range(3, 12)]
    events = [nuclio_http(each) for each in bodies]
    answers = answered(App("a").serve(graph_of(first), triggers=[http()]), events)
    assert [each.event_id for each in answers] == [each.id.decode() for each in events]
    statuses = [each.status_code for each in answers]
    assert statuses == [200, 200, 500, 422, 422, 429, 400, *[200] * 9]
    assert "ZeroDivisionError" in answers[2].body
    assert json.loads(answers[4].body)["step"] == f"inverse/{first.__name__}"
    assert answers[5].headers == {"retry-after": "7"}
    good = [number for number in bodies if isinstance(number, int) and number not in (0, -4, 14)]
    told = [json.loads(each.body) for each in answers if each.status_code == 200]
    assert told == [1 / number for number in good]
    assert len(CALLS[0]) == 8 and len(CALLS) <= 8


def test_what_no_route_takes_is_refused_for_itself() -> None:
    app = App("a")
    events = [nuclio_http(2, path="/score"), nuclio_http(3, path="/other")]
    answers = answered(app.serve(graph_of(positive), triggers=[http("POST", "/score")]), events)
    assert [each.status_code for each in answers] == [200, 404] and CALLS == [[2.0]]


def test_a_model_that_does_not_load_is_said_to_each_event() -> None:
    class Model:
        def load(self) -> None:
            raise OSError("no file")

        def __call__(self, values: list[float]) -> list[float]:
            return values

    graph: Any = Graph("g", float) >> steps.batched(Model)
    events = [nuclio_http(1), nuclio_http(2)]
    answers = answered(App("a").serve(graph, triggers=[http()]), events, begun=False)
    assert [each.status_code for each in answers] == [500, 500]
    assert [each.event_id for each in answers] == [each.id.decode() for each in events]


def test_without_a_batched_step_events_go_one_by_one() -> None:
    app = App("a")

    @app.function(triggers=[http()])
    def half(n: float) -> float:
        return 1 / n

    @app.function(style="lambda")
    def old(event: Any, context: Any) -> dict[str, Any]:
        return {"statusCode": 201, "body": event["body"]}

    events = [nuclio_http(2), nuclio_http(0), nuclio_http(4)]
    answers = answered(half, events)
    assert [each.status_code for each in answers] == [200, 500, 200]
    assert [each.event_id for each in answers] == [each.id.decode() for each in events]
    assert [each.status_code for each in answered(old, events)] == [201, 201, 201]


def test_what_a_bridge_brings_goes_together_unless_it_keeps_an_order() -> None:
    function = App("a").serve(
        graph_of(positive), triggers=[pelton.redis(url="redis://r", stream="numbers")]
    )
    batch = redis(1, 2, 0, -4, 14, 3)
    found = json.loads(on_nuclio(function, nuclio_bridged(batch)).body)["batchItemFailures"]
    failed = {each["itemIdentifier"]: each for each in found}
    assert sorted(failed) == ["2", "3", "4"]
    assert failed["3"]["never"] and failed["4"]["after"] == 7
    assert CALLS[0] == [1.0, 2.0, 0.0, 3.0]
    CALLS.clear()
    for each in batch["Records"]:
        each["lane"] = each["messageId"]
    assert (
        len(json.loads(on_nuclio(function, nuclio_bridged(batch)).body)["batchItemFailures"]) == 3
    )
    assert CALLS == [[1.0], [2.0], [0.0], [3.0]]
