"""Batches of a queue: what each kind of function gets of them, and which messages come back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import pelton
from pelton import App, Event, testing
from pelton.handlers.triggers import Trigger


class Order(BaseModel):
    n: int


def failed(answer: Any) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def batch_of(kind: Any, *triggers: Trigger) -> tuple[Any, list[Any]]:
    """A function of a `list[kind]` and what it was given."""
    got: list[Any] = []

    def take(items: Any) -> None:
        got.extend(items)

    take.__annotations__["items"] = list[kind]
    function = App("records").function(triggers=triggers or [pelton.sqs("q")])(take)
    return function, got


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (str, ["plain text", '{"n": 1}']),
        (bytes, [b"plain text", b'{"n": 1}']),
        (Any, ["plain text", {"n": 1}]),
    ],
)
def test_a_batch_has_what_one_message_would_bring(kind: Any, expected: list[Any]) -> None:
    function, got = batch_of(kind)
    assert failed(testing.on_lambda(function, testing.sqs("plain text", {"n": 1}))) == []
    assert got == expected


def test_a_batch_of_events_is_untouched() -> None:
    function, got = batch_of(Event)
    assert failed(testing.on_lambda(function, testing.sqs("plain", {"n": 1}))) == []
    assert [(each.id, each.body, each.trigger) for each in got] == [
        ("0", "plain", "sqs"),
        ("1", '{"n": 1}', "sqs"),
    ]
    testing.on_lambda(function, {"n": 2})
    assert got[-1].body == {"n": 2}


def test_a_batch_of_models_gives_the_bad_back() -> None:
    function, got = batch_of(Order)
    answer = testing.on_lambda(function, testing.sqs({"n": 1}, {"n": "x"}, "text", {"n": 2}))
    assert failed(answer) == ["1", "2"]
    assert got == [Order(n=1), Order(n=2)]


def test_a_fifo_batch_ends_at_the_first_message_that_comes_back() -> None:
    function, got = batch_of(int)
    assert failed(testing.on_lambda(function, testing.sqs(1, "bad", 3, queue="q.fifo"))) == [
        "1",
        "2",
    ]
    assert got == [1]


def test_a_fifo_batch_goes_on_behind_a_message_that_is_dropped() -> None:
    function, got = batch_of(int, pelton.sqs("q.fifo", on_invalid="drop"))
    assert failed(testing.on_lambda(function, testing.sqs(1, "bad", 3, queue="q.fifo"))) == []
    assert got == [1, 3]


@given(st.lists(st.sampled_from([1, 2, "bad"]), min_size=1, max_size=10))
def test_no_message_of_a_fifo_queue_overtakes_another(bodies: list[Any]) -> None:
    """What was taken and what comes back are the batch, in its order."""
    function, got = batch_of(int)
    back = failed(testing.on_lambda(function, testing.sqs(*bodies, queue="q.fifo")))
    first_bad = bodies.index("bad") if "bad" in bodies else len(bodies)
    assert got == bodies[:first_bad]
    assert back == [str(place) for place in range(first_bad, len(bodies))]
