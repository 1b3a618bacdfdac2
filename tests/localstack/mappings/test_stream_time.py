"""What streams measure from a record's arrival: its age, and its tumbling window."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from .conftest import Raised, World
from .test_streams import FAILED, FIRST, STREAM, numbers, put, stream


@pytest.mark.fidelity(
    "Event source mappings", "streams: a record beyond MaximumRecordAgeInSeconds is given up"
)
def test_a_record_that_is_too_old(world: World) -> None:
    kinesis, failed = stream(world), world.queue("failed")

    def act(event: Any) -> None:
        raise Raised("always")

    world.function(act)
    world.map(
        STREAM,
        StartingPosition="LATEST",
        MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": FAILED}},
    )
    put(kinesis, 1)
    world.advance(55)
    calls = len(world.events())
    assert calls > 3 and world.taken(failed) == []
    world.advance(120)
    assert len(world.events()) == calls
    (record,) = world.taken(failed)
    assert record["requestContext"]["condition"] == "RecordAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == calls


@pytest.mark.fidelity(
    "Event source mappings", "streams: tumbling windows hand the state on and end with a last call"
)
def test_a_tumbling_window(world: World) -> None:
    kinesis = stream(world)

    def act(event: Any) -> Any:
        return {"state": {"sum": event["state"].get("sum", 0) + sum(numbers(event))}}

    world.function(act)
    world.map(STREAM, StartingPosition="LATEST", BatchSize=1, TumblingWindowInSeconds=900)
    put(kinesis, 1, 2)
    world.advance(0)
    one, two = world.events()
    assert (one["state"], two["state"]) == ({}, {"sum": 1})
    assert {each: one[each] for each in one if each not in ("Records", "state", "window")} == {
        "isFinalInvokeForWindow": False,
        "isWindowTerminatedEarly": False,
        "shardId": FIRST,
        "eventSourceARN": STREAM,
    }
    begin, end = (dt.datetime.fromisoformat(one["window"][each]) for each in ("start", "end"))
    assert (end - begin).total_seconds() == 900 and begin.timestamp() % 900 == 0
    world.advance(901)
    final = world.events()[2]
    assert (final["Records"], final["state"]) == ([], {"sum": 3})
    assert final["isFinalInvokeForWindow"] and final["window"] == one["window"]
    world.advance(2000)
    assert len(world.events()) == 3


@pytest.mark.fidelity(
    "Event source mappings",
    "streams: an answer without a state fails its call; a last call is repeated until it succeeds",
)
def test_a_window_whose_calls_fail(world: World) -> None:
    kinesis = stream(world)
    answers: list[Any] = [{}, {"state": {"n": 1}}, None, {"state": {}}]

    def act(event: Any) -> Any:
        answer = answers[len(world.events())]
        if answer is None:
            raise Raised("the last call")
        return answer

    world.function(act)
    world.map(STREAM, StartingPosition="LATEST", TumblingWindowInSeconds=30)
    put(kinesis, 1)
    world.advance(120)
    assert [(e["isFinalInvokeForWindow"], json.dumps(e["state"])) for e in world.events()] == [
        (False, "{}"), (False, "{}"), (True, '{"n": 1}'), (True, '{"n": 1}')
    ]  # fmt: skip


def test_a_window_that_ends_while_its_records_wait_to_be_tried_again(world: World) -> None:
    kinesis, calls = stream(world), []

    def act(event: Any) -> Any:
        calls.append(event)
        if len(calls) == 1:
            raise Raised("once")
        return {"state": {}}

    world.function(act)
    world.map(STREAM, StartingPosition="LATEST", TumblingWindowInSeconds=30)
    world.advance(30 - world.clock.time() % 30 - 0.5)
    put(kinesis, 1)
    world.advance(10)
    assert [(e["isFinalInvokeForWindow"], len(e["Records"])) for e in calls] == [
        (False, 1), (False, 1), (True, 0)
    ]  # fmt: skip
    assert len({e["window"]["end"] for e in calls}) == 1
