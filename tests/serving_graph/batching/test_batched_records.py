"""A queue's records through a graph with a batched step: few calls, each record for itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pelton import App, Graph, sqs, steps
from pelton.runtime.aws import make_handler
from pelton.testing import lambda_context
from pelton.testing_events import sqs as sqs_event

from .inverses import CALLS, inverse, later_positive, positive


@pytest.fixture(autouse=True)
def _forget() -> None:
    CALLS.clear()


def served(first: Any, queue: str, **more: Any) -> Any:
    app = App("records")
    graph = Graph("inverse", float) >> first >> steps.batched(inverse, max_rows=8)
    return make_handler(app.serve(graph, triggers=[sqs(queue, **more)]))


@pytest.mark.parametrize("first", [positive, later_positive])
def test_a_delivery_is_few_calls_and_each_record_fails_alone(first: Any) -> None:
    bodies = ["1", "2", "0", '"no number"', "-4", *(str(n) for n in range(3, 12))]
    event = sqs_event(*bodies, queue="numbers")
    answer = served(first, "numbers")(event, lambda_context())
    ids = [each["messageId"] for each in event["Records"]]
    failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
    assert sorted(failed) == sorted([ids[2], ids[3], ids[4]])
    assert [len(each) for each in CALLS][:2] == [8, 4] and len(CALLS) <= 8


def test_a_fifo_queue_keeps_to_one_by_one() -> None:
    event = sqs_event("1", "0", "2", queue="numbers.fifo")
    answer = served(positive, "numbers.fifo")(event, lambda_context())
    ids = [each["messageId"] for each in event["Records"]]
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ids[1:]
    assert CALLS == [[1.0], [0.0]]


def test_near_the_deadline_nothing_is_begun() -> None:
    event = sqs_event("1", "2", queue="numbers")
    answer = served(positive, "numbers")(event, lambda_context(remaining_ms=200))
    assert len(answer["batchItemFailures"]) == 2 and CALLS == []
    assert json.dumps(answer)
