"""Streams to functions: order, positions, retries, destinations, shards; by a manual clock."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Raised

PLACE = "us-east-1:000000000000"
STREAM, FAILED = f"arn:aws:kinesis:{PLACE}:stream/s", f"arn:aws:sqs:{PLACE}:failed"
FIRST = "shardId-000000000000"


def stream(world: Any, shards: int = 1) -> Any:
    kinesis = world.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=shards)
    return kinesis


def put(kinesis: Any, *numbers: int, key: str = "k") -> None:
    for number in numbers:
        data = json.dumps({"n": number, "key": key}).encode()
        kinesis.put_record(StreamName="s", Data=data, PartitionKey=key)


def content(record: Any) -> Any:
    return json.loads(base64.b64decode(record["kinesis"]["data"]))


def numbers(event: Any) -> list[int]:
    return [content(each)["n"] for each in event["Records"]]


def failing(bad: Callable[[int], bool]) -> Callable[[Any], None]:
    def act(event: Any) -> None:
        if any(map(bad, numbers(event))):
            raise Raised("bad")

    return act


@pytest.mark.fidelity("Event source mappings", "Kinesis: the event, member by member")
def test_a_record_of_kinesis_has_the_shape_of_awss(world: Any) -> None:
    kinesis = stream(world)
    world.function()
    mapping = world.map(STREAM, StartingPosition="TRIM_HORIZON")
    assert told(world, mapping) == ("Enabled", "No records processed")
    sent = kinesis.put_record(StreamName="s", Data=b"\0hello", PartitionKey="k")
    world.advance()
    (event,) = world.events()
    assert list(event) == ["Records"]
    (record,) = event["Records"]
    arrival = record["kinesis"].pop("approximateArrivalTimestamp")
    assert isinstance(arrival, float)
    assert record == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "k",
            "sequenceNumber": sent["SequenceNumber"],
            "data": base64.b64encode(b"\0hello").decode(),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{FIRST}:{sent['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/r",
        "awsRegion": "us-east-1",
        "eventSourceARN": STREAM,
    }
    assert told(world, mapping) == ("Enabled", "OK")


def told(world: Any, mapping: str) -> tuple[str, str]:
    found = world.api.get_event_source_mapping(UUID=mapping)
    return found["State"], found["LastProcessingResult"]


@pytest.mark.fidelity(
    "Event source mappings", "streams: TRIM_HORIZON, LATEST and AT_TIMESTAMP say where to begin"
)
@pytest.mark.parametrize(
    ("position", "seen"),
    [("TRIM_HORIZON", [1, 2, 3]), ("LATEST", [3]), ("AT_TIMESTAMP", [2, 3])],
)
def test_where_reading_begins(world: Any, position: str, seen: list[int]) -> None:
    kinesis = stream(world, shards=2)
    world.function()
    put(kinesis, 1)
    records = arrivals(kinesis)
    world.advance(1)
    put(kinesis, 2)
    settings: dict[str, Any] = {"StartingPosition": position}
    if position == "AT_TIMESTAMP":
        settings["StartingPositionTimestamp"] = records[0] + dt.timedelta(milliseconds=1)
    world.map(STREAM, **settings)
    put(kinesis, 3)
    world.advance()
    assert [n for event in world.events() for n in numbers(event)] == seen


def arrivals(kinesis: Any) -> list[Any]:
    found: list[Any] = []
    for shard in kinesis.list_shards(StreamName="s")["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName="s", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records = kinesis.get_records(ShardIterator=iterator)["Records"]
        found += [each["ApproximateArrivalTimestamp"] for each in records]
    return found


@pytest.mark.fidelity(
    "Event source mappings",
    "streams: a failed batch is tried again, longer apart each time, and holds back its shard",
)
def test_a_failed_batch_holds_back_its_shard(world: Any) -> None:
    kinesis = stream(world)
    world.function(failing(lambda n: n == 2 and len(world.events()) < 4))
    mapping = world.map(STREAM, StartingPosition="LATEST", BatchSize=1)
    put(kinesis, 1, 2, 3)
    world.advance()
    assert list(map(numbers, world.events())) == [[1], [2]]
    assert told(world, mapping) == ("Enabled", "PROBLEM: Function call failed")
    for seconds, calls in ((0.9, 2), (0.2, 3), (1.8, 3), (0.2, 4), (4.0, 6)):
        world.advance(seconds)
        assert len(world.events()) == calls, seconds
    assert list(map(numbers, world.events())) == [[1], [2], [2], [2], [2], [3]]
    assert told(world, mapping) == ("Enabled", "OK")


@pytest.mark.fidelity(
    "Event source mappings",
    "streams: after MaximumRetryAttempts the on-failure queue gets the record of the batch",
)
def test_a_batch_is_given_up_to_its_destination(world: Any) -> None:
    kinesis, failed = stream(world), world.queue("failed")
    function = world.function(failing(lambda n: n < 3))
    world.map(
        STREAM,
        StartingPosition="LATEST",
        MaximumRetryAttempts=2,
        MaximumBatchingWindowInSeconds=1,
        DestinationConfig={"OnFailure": {"Destination": FAILED}},
    )
    put(kinesis, 1, 2)
    world.advance(4)
    put(kinesis, 3)
    world.advance(10)
    assert list(map(numbers, world.events())) == [[1, 2]] * 3 + [[3]]
    (record,) = world.taken(failed)
    moment = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
    info, sequences = (
        record["KinesisBatchInfo"],
        [each["kinesis"]["sequenceNumber"] for each in world.events()[0]["Records"]],
    )
    assert moment.fullmatch(record.pop("timestamp")) and record["requestContext"].pop("requestId")
    assert moment.fullmatch(info.pop("approximateArrivalOfFirstRecord"))
    assert moment.fullmatch(info.pop("approximateArrivalOfLastRecord"))
    assert record == {
        "version": "1.0",
        "requestContext": {
            "functionArn": function,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {
            "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
        },
        "KinesisBatchInfo": {
            "shardId": FIRST,
            "startSequenceNumber": sequences[0],
            "endSequenceNumber": sequences[1],
            "batchSize": 2,
            "streamArn": STREAM,
        },
    }  # fmt: skip


@pytest.mark.fidelity(
    "Event source mappings", "streams: an on-failure bucket gets the record with the whole event"
)
def test_an_on_failure_bucket(world: Any) -> None:
    kinesis, s3 = stream(world), world.client("s3")
    s3.create_bucket(Bucket="failed")
    world.function(failing(lambda n: True))
    mapping = world.map(
        STREAM,
        StartingPosition="LATEST",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failed"}},
    )
    put(kinesis, 1)
    world.advance()
    (entry,) = s3.list_objects_v2(Bucket="failed")["Contents"]
    name = rf"aws/lambda/{mapping}/{FIRST}/\d{{4}}/\d\d/\d\d/\d{{4}}-\d\d-\d\dT\d\d\.\d\d\.\d\d-"
    assert re.fullmatch(rf"{name}[0-9a-f-]{{36}}", entry["Key"])
    record = json.loads(s3.get_object(Bucket="failed", Key=entry["Key"])["Body"].read())
    assert json.loads(record["payload"]) == world.events()[0]
    assert record["requestContext"]["approximateInvokeCount"] == 1


@pytest.mark.fidelity("Event source mappings", "streams: an on-failure topic gets the record")
def test_an_on_failure_topic(world: Any) -> None:
    kinesis, failed, sns = stream(world), world.queue("failed"), world.client("sns")
    topic = sns.create_topic(Name="failed")["TopicArn"]
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=FAILED, Attributes={"RawMessageDelivery": "true"}
    )
    world.function(failing(lambda n: True))
    world.map(
        STREAM,
        StartingPosition="LATEST",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": topic}},
    )
    put(kinesis, 1)
    world.advance()
    (record,) = world.taken(failed)
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"


@pytest.mark.fidelity(
    "Event source mappings", "streams: BisectBatchOnFunctionError finds the record that fails"
)
def test_a_batch_is_cut_until_the_bad_record_is_found(world: Any) -> None:
    kinesis, failed = stream(world), world.queue("failed")
    world.function(failing(lambda n: n == 5))
    world.map(
        STREAM,
        StartingPosition="LATEST",
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=0,
        MaximumBatchingWindowInSeconds=1,
        DestinationConfig={"OnFailure": {"Destination": FAILED}},
    )
    put(kinesis, *range(8))
    world.advance(2)
    good = [numbers(event) for event in world.events() if 5 not in numbers(event)]
    assert good == [[0, 1, 2, 3], [4], [6, 7]]
    (record,) = world.taken(failed)
    assert record["KinesisBatchInfo"]["batchSize"] == 1


@pytest.mark.fidelity(
    "Event source mappings",
    "streams: a partial failure starts again at the lowest reported sequence number",
)
@pytest.mark.parametrize(
    ("reported", "second"),
    [
        ([2], [2, 3]),
        ([3, 1], [1, 2, 3]),
        ([], None),
        ([""], [0, 1, 2, 3]),
        ([None], [0, 1, 2, 3]),
        (["unknown"], [0, 1, 2, 3]),
    ],
)
def test_a_partial_failure(world: Any, reported: list[Any], second: list[int] | None) -> None:
    kinesis = stream(world)

    def act(event: Any) -> Any:
        if world.events():
            return None
        ids = {content(each)["n"]: each["kinesis"]["sequenceNumber"] for each in event["Records"]}
        return {"batchItemFailures": [{"itemIdentifier": ids.get(n, n)} for n in reported]}

    world.function(act)
    world.map(
        STREAM,
        StartingPosition="LATEST",
        MaximumBatchingWindowInSeconds=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    put(kinesis, 0, 1, 2, 3)
    world.advance(5)
    assert [numbers(event) for event in world.events()][1:] == ([] if second is None else [second])


@pytest.mark.fidelity(
    "Event source mappings",
    "streams: ParallelizationFactor runs batches of one shard together, in order by partition key",
)
def test_batches_of_one_shard_together(world: Any) -> None:
    kinesis = stream(world)
    for number in range(24):
        put(kinesis, number, key=f"key-{number % 6}")
    world.function(lambda event: asyncio.sleep(0.05))
    world.map(STREAM, StartingPosition="TRIM_HORIZON", BatchSize=1, ParallelizationFactor=4)
    assert 1 < world.players.most <= 4
    seen = [content(each) for event in world.events() for each in event["Records"]]
    assert sorted(each["n"] for each in seen) == list(range(24))
    for key in {each["key"] for each in seen}:
        order = [each["n"] for each in seen if each["key"] == key]
        assert order == sorted(order)


@pytest.mark.fidelity(
    "Event source mappings", "Kinesis: filters on the data as JSON or text, and on its metadata"
)
@pytest.mark.parametrize(
    ("pattern", "seen"),
    [
        ({"data": {"n": [{"numeric": [">", 1]}]}}, [b'{"n": 2}']),
        ({"partitionKey": ["b"]}, [b'{"n": 2}']),
        ({"data": [{"prefix": "te"}]}, [b"text"]),
    ],
)
def test_a_filter_on_records(world: Any, pattern: Any, seen: list[bytes]) -> None:
    kinesis = stream(world)
    world.function()
    criteria = {"Filters": [{"Pattern": json.dumps(pattern)}]}
    world.map(STREAM, StartingPosition="LATEST", FilterCriteria=criteria)
    for data, key in ((b'{"n": 1}', "a"), (b'{"n": 2}', "b"), (b"text", "c"), (b"\xff\xfe", "d")):
        kinesis.put_record(StreamName="s", Data=data, PartitionKey=key)
    world.advance()
    found = [each for event in world.events() for each in event["Records"]]
    assert [base64.b64decode(each["kinesis"]["data"]) for each in found] == seen


@pytest.mark.fidelity(
    "Event source mappings", "streams: new shards are found, parents are read before children"
)
def test_shards_that_split_and_merge(world: Any) -> None:
    kinesis = stream(world)
    world.function()
    world.map(STREAM, StartingPosition="LATEST")
    put(kinesis, 1)
    world.advance()
    middle = str(2**127)
    kinesis.split_shard(StreamName="s", ShardToSplit=FIRST, NewStartingHashKey=middle)
    for number, key in ((2, "a"), (3, "b"), (4, "c")):
        put(kinesis, number, key=key)
    world.advance(20)
    one, other = (each["ShardId"] for each in kinesis.list_shards(StreamName="s")["Shards"])
    kinesis.merge_shards(StreamName="s", ShardToMerge=one, AdjacentShardToMerge=other)
    put(kinesis, 5)
    world.advance(20)
    seen = [(n, e["Records"][0]["eventID"]) for e in world.events() for n in numbers(e)]
    assert sorted(n for n, _ in seen) == [1, 2, 3, 4, 5]
    assert len({name.partition(":")[0] for _, name in seen}) == 4


def test_a_stream_that_gets_more_shards(world: Any) -> None:
    kinesis = stream(world)
    world.function()
    world.map(STREAM, StartingPosition="LATEST")
    put(kinesis, 1)
    world.advance()
    kinesis.update_shard_count(StreamName="s", TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    for number in range(2, 12):
        put(kinesis, number, key=str(number))
    world.advance(20)
    assert sorted(n for event in world.events() for n in numbers(event)) == list(range(1, 12))


@pytest.mark.fidelity(
    "Event source mappings",
    "Kinesis: what is unread in a shard that is split",
    different="the embedded Kinesis drops the shard with it; the mapping goes on with the children",
)
def test_what_is_unread_in_a_shard_that_is_split(world: Any) -> None:
    kinesis = stream(world)
    world.function()
    mapping = world.map(STREAM, StartingPosition="LATEST")
    world.api.update_event_source_mapping(UUID=mapping, Enabled=False)
    world.advance()
    put(kinesis, 1)
    kinesis.split_shard(StreamName="s", ShardToSplit=FIRST, NewStartingHashKey=str(2**127))
    put(kinesis, 2)
    world.api.update_event_source_mapping(UUID=mapping, Enabled=True)
    world.advance(20)
    assert list(map(numbers, world.events())) == [[2]]


@pytest.mark.fidelity(
    "Event source mappings", "streams: a mapping that was disabled goes on where it was"
)
def test_a_disabled_mapping_goes_on_where_it_was(world: Any) -> None:
    kinesis = stream(world)
    world.function()
    mapping = world.map(STREAM, StartingPosition="LATEST")
    put(kinesis, 1)
    world.advance()
    world.api.update_event_source_mapping(UUID=mapping, Enabled=False)
    world.advance()
    put(kinesis, 2)
    world.advance(60)
    assert told(world, mapping)[0] == "Disabled" and len(world.events()) == 1
    world.api.update_event_source_mapping(UUID=mapping, Enabled=True, BatchSize=50)
    world.advance()
    assert list(map(numbers, world.events())) == [[1], [2]]


@pytest.mark.fidelity(
    "Event source mappings", "streams: a throttled batch waits, and uses up none of its retries"
)
def test_a_throttled_batch_of_a_stream_waits(world: Any) -> None:
    kinesis = stream(world)
    world.function()
    world.map(STREAM, StartingPosition="LATEST", MaximumRetryAttempts=0)
    world.players.throttled.add("f")
    put(kinesis, 1)
    world.advance(30)
    assert world.events() == []
    world.players.throttled.clear()
    world.advance(60)
    assert list(map(numbers, world.events())) == [[1]]


def test_a_batch_of_a_stream_whose_restore_fails(world: Any) -> None:
    kinesis, failed = stream(world), world.queue("failed")
    world.function()
    world.players.broken.add("f")
    world.map(
        STREAM,
        StartingPosition="LATEST",
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": FAILED}},
    )
    put(kinesis, 1)
    world.advance(10)
    (record,) = world.taken(failed)
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responseContext"]["functionError"] == "Unhandled"


@pytest.mark.fidelity(
    "Event source mappings",
    "streams: records wait for a function or a stream that is deleted",
    different="not recorded on AWS; here the mapping stays Enabled and its result says PROBLEM",
)
def test_a_stream_and_a_function_that_are_deleted(world: Any) -> None:
    kinesis = stream(world)
    world.function()
    mapping = world.map(STREAM, StartingPosition="TRIM_HORIZON")
    world.api.delete_function(FunctionName="f")
    put(kinesis, 1)
    world.advance(5)
    assert told(world, mapping) == ("Enabled", "PROBLEM: Function call failed")
    world.function()
    world.advance(60)
    assert list(map(numbers, world.events())) == [[1]]
    kinesis.delete_stream(StreamName="s")
    world.advance(30)
    state, result = told(world, mapping)
    assert state == "Enabled" and result.startswith("PROBLEM: ResourceNotFoundException")
    put(stream(world), 2)
    world.advance(60)
    assert list(map(numbers, world.events())) == [[1], [2]]


@pytest.mark.fidelity(
    "Event source mappings",
    "Kinesis: a consumer with enhanced fan-out is a source",
    different="its stream is read by GetRecords, not by SubscribeToShard",
)
def test_an_enhanced_fan_out_consumer(world: Any) -> None:
    kinesis = stream(world)
    world.function()
    made = kinesis.register_stream_consumer(StreamARN=STREAM, ConsumerName="c")
    arn = made["Consumer"]["ConsumerARN"]
    world.map(arn, StartingPosition="LATEST")
    put(kinesis, 1)
    world.advance()
    ((record,),) = [event["Records"] for event in world.events()]
    assert record["eventSourceARN"] == arn


def table(world: Any) -> str:
    """A table with a stream; the stream's ARN."""
    made = world.client("dynamodb").create_table(
        TableName="things",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "at", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def item(world: Any, name: str, at: int, **more: Any) -> None:
    world.client("dynamodb").put_item(
        TableName="things", Item={"id": {"S": name}, "at": {"N": str(at)}, **more}
    )


@pytest.mark.fidelity("Event source mappings", "DynamoDB: the event, member by member")
def test_a_change_of_a_table_has_the_shape_of_awss(world: Any) -> None:
    arn = table(world)
    world.function()
    world.map(arn, StartingPosition="TRIM_HORIZON")
    item(world, "a", 1)
    item(world, "a", 1, more={"S": "x"})
    world.client("dynamodb").delete_item(
        TableName="things", Key={"id": {"S": "a"}, "at": {"N": "1"}}
    )
    world.advance()
    records = [each for event in world.events() for each in event["Records"]]
    assert [each["eventName"] for each in records] == ["INSERT", "MODIFY", "REMOVE"]
    record = records[1]
    change = record.pop("dynamodb")
    assert record.pop("eventID") and record == {
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "eventSourceARN": arn,
    }
    assert isinstance(change.pop("ApproximateCreationDateTime"), int | float)
    assert change.pop("SequenceNumber").isdigit() and change.pop("SizeBytes") >= 0
    assert change == {
        "Keys": {"id": {"S": "a"}, "at": {"N": "1"}},
        "NewImage": {"id": {"S": "a"}, "at": {"N": "1"}, "more": {"S": "x"}},
        "OldImage": {"id": {"S": "a"}, "at": {"N": "1"}},
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }


@pytest.mark.fidelity("Event source mappings", "DynamoDB: LATEST, filters, and order by item")
def test_a_filtered_table(world: Any) -> None:
    arn = table(world)
    world.function(lambda event: asyncio.sleep(0.01))
    item(world, "before", 0)
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"id": {"S": ["a", "b"]}}}}
    world.map(
        arn,
        StartingPosition="LATEST",
        BatchSize=1,
        ParallelizationFactor=3,
        FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]},
    )
    for at in range(6):
        for name in "abc":
            item(world, name, at)
    world.advance()
    seen = [each["dynamodb"]["Keys"] for event in world.events() for each in event["Records"]]
    assert len(seen) == 12
    for name in "ab":
        order = [int(each["at"]["N"]) for each in seen if each["id"]["S"] == name]
        assert order == list(range(6))


@pytest.mark.fidelity(
    "Event source mappings", "DynamoDB: the on-failure record has the DDBStreamBatchInfo"
)
def test_the_failure_record_of_a_table(world: Any) -> None:
    arn, failed = table(world), world.queue("failed")

    def act(event: Any) -> None:
        raise Raised("always")

    world.function(act)
    world.map(
        arn,
        StartingPosition="LATEST",
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": FAILED}},
    )
    item(world, "a", 1)
    world.advance(5)
    (record,) = world.taken(failed)
    assert record["requestContext"]["approximateInvokeCount"] == 2
    info = record["DDBStreamBatchInfo"]
    assert (info["batchSize"], info["streamArn"]) == (1, arn)
    assert "KinesisBatchInfo" not in record


@pytest.mark.fidelity(
    "Event source mappings", "DynamoDB: a stream that is disabled is read to its end"
)
def test_a_stream_that_is_closed(world: Any) -> None:
    arn = table(world)
    world.function()
    item(world, "a", 1)
    world.client("dynamodb").update_table(
        TableName="things", StreamSpecification={"StreamEnabled": False}
    )
    world.map(arn, StartingPosition="TRIM_HORIZON")
    world.advance(30)
    assert [len(event["Records"]) for event in world.events()] == [1]
