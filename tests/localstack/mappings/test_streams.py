"""Streams to functions: order, positions, retries, windows, destinations; by a manual clock."""

from __future__ import annotations

import base64
import json
from typing import Any

PLACE = "us-east-1:000000000000"
STREAM = f"arn:aws:kinesis:{PLACE}:stream/s"


def stream(world: Any, shards: int = 1) -> Any:
    kinesis = world.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=shards)
    return kinesis


def put(kinesis: Any, *numbers: int, key: str = "k") -> None:
    for number in numbers:
        kinesis.put_record(
            StreamName="s", Data=json.dumps({"n": number}).encode(), PartitionKey=key
        )


def numbers(event: Any) -> list[int]:
    return [json.loads(base64.b64decode(each["kinesis"]["data"]))["n"] for each in event["Records"]]


def test_a_record_reaches_the_function(world: Any) -> None:
    kinesis = stream(world)
    put(kinesis, 1, 2)
    world.function()
    world.map(STREAM, StartingPosition="TRIM_HORIZON")
    put(kinesis, 3)
    world.advance(1)
    assert [n for event in world.events() for n in numbers(event)] == [1, 2, 3]
