"""Batches of a stream: the first record that fails ends them, and nothing overtakes it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pelton
from pelton import App, Event, testing
from pelton.runtime.aws import make_handler
from pelton.testing import kinesis


def failed(answer: Any) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def taker(kind: Any, trigger: Any = None) -> tuple[Any, list[Any]]:
    """A function of one `kind`, or of a list of them, and what it was given."""
    got: list[Any] = []

    def take(value: Any) -> None:
        got.append(value)
        if value == 13:
            raise ValueError("13 never works")

    take.__annotations__["value"] = kind
    triggers = [trigger or pelton.kinesis("stream")]
    return App("shards").function(triggers=triggers)(take), got


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (bytes, [b"\xff raw", b'{"n": 1}']),
        (Event, ["\xff raw".encode("latin-1"), b'{"n": 1}']),
    ],
)
def test_a_record_comes_as_the_bytes_that_were_put(kind: Any, expected: list[Any]) -> None:
    function, got = taker(kind)
    assert failed(testing.on_lambda(function, kinesis(b"\xff raw", {"n": 1}))) == []
    assert [getattr(each, "body", each) for each in got] == expected


def test_an_event_says_where_it_stood() -> None:
    function, got = taker(Event)
    testing.on_lambda(function, kinesis("a", "b", stream="clicks", key="user-7"))
    last = got[-1]
    assert (last.trigger, last.key, last.position) == ("kinesis", "user-7", "1")
    assert last.id == "shardId-000000000000:1"
    assert last.source.endswith(":stream/clicks")
    assert last.timestamp == 1545084650.987


def test_the_first_failure_ends_the_batch() -> None:
    function, got = taker(int)
    assert failed(testing.on_lambda(function, kinesis(1, 13, 3, 13))) == ["1"]
    assert got == [1, 13]


@given(st.lists(st.sampled_from([1, 2, 13, "bad"]), min_size=1, max_size=12))
def test_what_is_behind_a_failure_is_never_begun(values: list[Any]) -> None:
    function, got = taker(int)
    bad = [place for place, each in enumerate(values) if each in (13, "bad")]
    assert failed(testing.on_lambda(function, kinesis(*values))) == [str(each) for each in bad[:1]]
    done = values[: bad[0]] if bad else values
    assert [each for each in got if each != 13] == done


def test_a_batch_function_takes_what_is_before_a_record_that_does_not_fit() -> None:
    function, got = taker(list[int])
    assert failed(testing.on_lambda(function, kinesis(1, 2, "bad", 3, "bad"))) == ["2"]
    assert got == [[1, 2]]


@pytest.mark.parametrize("kind", [int, list[int]])
def test_a_record_that_is_dropped_is_skipped_and_said(
    kind: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    function, got = taker(kind, pelton.kinesis("stream", on_invalid="drop"))
    assert failed(testing.on_lambda(function, kinesis(1, "bad", 3))) == []
    assert got in ([1, 3], [[1, 3]])
    line = json.loads(capsys.readouterr().out)
    assert (line["sequenceNumber"], line["shard"]) == ("1", "shardId-000000000000")
    assert line["message"] == "invalid record: drop"


def test_a_rejected_record_without_a_place_to_go_comes_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def take(n: int) -> None:
        raise pelton.Reject("never")

    function = App("shards").function(triggers=[pelton.kinesis("stream")])(take)
    assert failed(testing.on_lambda(function, kinesis(1, 2))) == ["0"]
    assert json.loads(capsys.readouterr().out)["deadLetter"] == "none: it comes again"


def test_what_is_put_off_comes_again_without_a_request_of_its_own() -> None:
    def take(n: int) -> None:
        raise pelton.Retry("later", after=30)

    function = App("shards").function(triggers=[pelton.kinesis("stream")])(take)
    assert failed(testing.on_lambda(function, kinesis(1, 2))) == ["0"]


def test_near_the_deadline_the_rest_comes_again() -> None:
    function, got = taker(int)
    late = testing.lambda_context(remaining_ms=100)
    assert failed(make_handler(function)(kinesis(1, 2), late)) == ["0"]
    assert got == []


def test_a_stream_given_by_its_arn_is_the_streams() -> None:
    arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"
    function, got = taker(int, pelton.kinesis(arn, on_invalid="drop"))
    assert failed(testing.on_lambda(function, kinesis(1, "bad", stream="clicks"))) == []
    assert got == [1]


def test_records_of_a_stream_without_its_trigger_are_a_value_like_any_other() -> None:
    got: list[Any] = []

    def take(payload: Any) -> None:
        got.append(payload)

    event = kinesis(1)
    testing.on_lambda(App("shards").function(take), event)
    assert got == [event]


def test_a_nuclio_style_handler_gets_records_one_by_one() -> None:
    got: list[Any] = []

    def take(context: Any, event: Any) -> None:
        got.append((event.trigger.kind, event.body))
        if event.body == b"13":
            raise ValueError("13 never works")

    triggers = [pelton.kinesis("stream")]
    function = App("shards").function(style="nuclio", triggers=triggers)(take)
    assert failed(testing.on_lambda(function, kinesis(1, 13, 2))) == ["1"]
    assert [body for _, body in got] == [b"1", b"13"]
