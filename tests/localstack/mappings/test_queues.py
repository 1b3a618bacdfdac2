"""Queues to functions: batches, order, what fails and what comes again; by a manual clock."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from pelton.localstack.lambda_.mappings.scaling import Scale

from .conftest import Raised

PLACE = "us-east-1:000000000000"
QUEUE, FIFO = f"arn:aws:sqs:{PLACE}:q", f"arn:aws:sqs:{PLACE}:q.fifo"


def bodies(event: Any) -> list[Any]:
    return [json.loads(each["body"]) for each in event["Records"]]


def until(world: Any, condition: Callable[[], bool], seconds: float = 20) -> None:
    """What needs the queue's own (real) timers."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        world.advance(1)


@pytest.mark.fidelity("Event source mappings", "SQS: the record of a message, member by member")
def test_a_message_has_the_shape_of_awss(world: Any) -> None:
    url = world.queue()
    world.function()
    world.map(QUEUE)
    attributes = {
        "text": {"DataType": "String", "StringValue": "v"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\0\1"},
    }
    sent = world.client("sqs").send_message(
        QueueUrl=url, MessageBody="hello", MessageAttributes=attributes
    )
    world.advance()
    ((record,),) = [each["Records"] for each in world.events()]
    handle, system = record.pop("receiptHandle"), record.pop("attributes")
    assert handle and {
        "ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"
    } <= set(system)  # fmt: skip
    assert record == {
        "messageId": sent["MessageId"],
        "body": "hello",
        "messageAttributes": {
            "text": {
                "stringValue": "v", "stringListValues": [], "binaryListValues": [],
                "dataType": "String",
            },
            "raw": {
                "binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [],
                "dataType": "Binary",
            },
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE,
        "awsRegion": "us-east-1",
    }  # fmt: skip
    assert world.left(url) == (0, 0)


@pytest.mark.fidelity(
    "Event source mappings", "SQS: a partial batch response leaves the listed messages in the queue"
)
@pytest.mark.parametrize(
    ("answer", "stay"),
    [
        (None, ""),
        ({}, ""),
        ({"batchItemFailures": None}, ""),
        ({"batchItemFailures": []}, ""),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, "b"),
        ({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}]}, "ab"),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, "abc"),
        ({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "?"}]}, "abc"),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, "abc"),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, "abc"),
        ({"batchItemFailures": [{"identifier": "b"}]}, "abc"),
        ({"batchItemFailures": ["b"]}, "abc"),
        ({"batchItemFailures": "b"}, "abc"),
        ("all is well", "abc"),
        (b"no json", "abc"),
    ],
)
def test_a_partial_batch_response(world: Any, answer: Any, stay: str) -> None:
    def act(event: Any) -> Any:
        ids = {bodies({"Records": [each]})[0]: each["messageId"] for each in event["Records"]}
        if isinstance(answer, bytes):
            return answer
        text = json.dumps(answer)
        for name, found in ids.items():
            text = text.replace(f'"itemIdentifier": "{name}"', f'"itemIdentifier": "{found}"')
        return json.loads(text)

    url = world.queue(VisibilityTimeout="900")
    world.send(url, '"a"', '"b"', '"c"')
    world.function(act)
    world.map(QUEUE, FunctionResponseTypes=["ReportBatchItemFailures"])
    world.advance()
    assert [sorted(bodies(each)) for each in world.events()] == [["a", "b", "c"]]
    assert world.left(url) == (0, len(stay))


def test_an_answer_is_not_looked_at_when_items_are_not_to_be_reported(world: Any) -> None:
    url = world.queue()
    world.send(url, 1)
    world.function(lambda event: b"no json")
    world.map(QUEUE)
    world.advance()
    assert world.left(url) == (0, 0)


@pytest.mark.fidelity(
    "Event source mappings", "SQS: a batch waits for its window, and goes when it is full"
)
def test_a_batching_window(world: Any) -> None:
    url = world.queue(VisibilityTimeout="120")
    world.function()
    world.map(QUEUE, BatchSize=12, MaximumBatchingWindowInSeconds=60)
    world.send(url, *range(5))
    world.advance(59)
    assert world.events() == []
    world.send(url, 5)
    world.advance(2)
    assert [sorted(bodies(each)) for each in world.events()] == [list(range(6))]
    world.send(url, *range(15))
    world.advance(1)
    assert [len(bodies(each)) for each in world.events()] == [6, 12]
    world.advance(60)
    assert [len(bodies(each)) for each in world.events()] == [6, 12, 3]


def test_a_message_is_once_in_a_batch(world: Any) -> None:
    """Also when it becomes visible again while the window is open."""
    url = world.queue(VisibilityTimeout="30")
    world.function()
    world.map(QUEUE, BatchSize=12, MaximumBatchingWindowInSeconds=50)
    world.send(url, *range(5))
    world.advance(51)
    assert [bodies(each) for each in world.events()] == [list(range(5))]
    world.advance(120)
    assert len(world.events()) == 1 and world.left(url) == (0, 0)


@pytest.mark.fidelity(
    "Event source mappings", "SQS: an event is at most 6 MB, whatever the batch size"
)
def test_a_batch_is_no_larger_than_an_event(world: Any) -> None:
    url = world.queue(MaximumMessageSize="1048576")
    world.function(lambda event: None)
    world.send(url, *["x" * 1_000_000 for _ in range(8)])
    world.map(QUEUE, BatchSize=100, MaximumBatchingWindowInSeconds=5)
    world.advance(20)
    counts = [len(each["Records"]) for each in world.events()]
    assert sum(counts) == 8 and max(counts) == 6
    assert world.left(url) == (0, 0)


@pytest.mark.fidelity(
    "Event source mappings", "SQS: MaximumConcurrency bounds the batches in flight"
)
def test_the_concurrency_of_a_mapping_is_bounded(world: Any) -> None:
    url = world.queue()
    world.send(url, *range(12))
    world.function(lambda event: asyncio.sleep(0.05))
    mapping = world.map(QUEUE, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    assert len(world.events()) == 12 and world.players.most == 2
    told = world.api.get_event_source_mapping(UUID=mapping)
    assert told["ScalingConfig"] == {"MaximumConcurrency": 2}


@pytest.mark.fidelity(
    "Event source mappings",
    "SQS: while a backlog lasts more batches are in flight, and few again when it ends",
    different="five more each second; without a MaximumConcurrency 50 at most, not 1,250",
)
@pytest.mark.parametrize(("most", "ceiling"), [(None, 50), (3, 3), (40, 40)])
def test_batches_in_flight_follow_the_backlog(most: int | None, ceiling: int) -> None:
    scale = Scale(most)
    first = scale.limit
    limits = [scale.backlog(now / 10) for now in range(200)]
    assert first == min(5, ceiling) == limits[0] and limits == sorted(limits)
    assert limits[9] == first and limits[10] == min(first + 5, ceiling) and limits[-1] == ceiling
    assert scale.throttled() == max(1, ceiling // 2) and scale.idle() == first


@pytest.mark.fidelity(
    "Event source mappings",
    "SQS: a throttled batch goes back by its visibility timeout, and polling holds back",
)
def test_a_throttled_batch_goes_back(world: Any) -> None:
    url = world.queue(VisibilityTimeout="3")
    world.function()
    world.players.throttled.add("f")
    world.send(url, *range(3))
    world.map(QUEUE, BatchSize=1)
    assert world.events() == [] and world.left(url)[1] > 0
    world.players.throttled.clear()
    until(world, lambda: world.left(url) == (0, 0))
    assert len(world.events()) == 3


@pytest.mark.fidelity(
    "Event source mappings",
    "SnapStart: a batch whose restore fails has failed; polling does not hold back",
)
def test_a_batch_whose_restore_fails(world: Any) -> None:
    dead = world.queue("dead")
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:{PLACE}:dead", "maxReceiveCount": 4}
    url = world.queue(VisibilityTimeout="3", RedrivePolicy=json.dumps(redrive))
    world.function()
    world.players.broken.add("f")
    world.send(url, "x")
    world.map(QUEUE)
    for _ in range(14):
        world.advance(1)
    assert (len(world.events()), world.left(url)) == (4, (0, 0))
    assert world.left(dead) == (1, 0)


@pytest.mark.fidelity(
    "Event source mappings", "SQS FIFO: groups beside each other, order inside each"
)
def test_fifo_groups_keep_their_order(world: Any) -> None:
    url = world.queue("q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for number in range(12):
        body = {"group": number % 3, "n": number}
        world.send(url, body, MessageGroupId=str(number % 3))
    world.function()
    world.map(FIFO, BatchSize=2)
    world.advance()
    seen = [each for event in world.events() for each in bodies(event)]
    assert sorted(each["n"] for each in seen) == list(range(12))
    for group in range(3):
        order = [each["n"] for each in seen if each["group"] == group]
        assert order == sorted(order)
    assert world.left(url) == (0, 0)


@pytest.mark.fidelity(
    "Event source mappings", "SQS FIFO: a failure holds back its own group and no other"
)
def test_a_failure_blocks_its_group_only(world: Any) -> None:
    bad = {"done": False}

    def act(event: Any) -> None:
        for each in bodies(event):
            if each == {"group": "a", "n": 1} and not bad["done"]:
                bad["done"] = True
                raise Raised("once")

    url = world.queue(
        "q.fifo", FifoQueue="true", ContentBasedDeduplication="true", VisibilityTimeout="3"
    )
    for number in range(4):
        for group in "ab":
            world.send(url, {"group": group, "n": number}, MessageGroupId=group)
    world.function(act)
    world.map(FIFO, BatchSize=1)
    world.advance()
    order = [each for event in world.events() for each in bodies(event)]
    assert [each["n"] for each in order if each["group"] == "b"] == [0, 1, 2, 3]
    assert [each["n"] for each in order if each["group"] == "a"] == [0, 1]
    until(world, lambda: world.left(url) == (0, 0))
    order = [each for event in world.events() for each in bodies(event)]
    assert [each["n"] for each in order if each["group"] == "a"] == [0, 1, 1, 2, 3]


@pytest.mark.fidelity(
    "Event source mappings", "SQS: a message that the filters do not want is deleted unseen"
)
@pytest.mark.parametrize(
    ("pattern", "sees"),
    [
        ({"body": {"kind": ["a", {"prefix": "b"}]}}, ["a1", "b1"]),
        ({"body": [{"prefix": "plain"}]}, ["plain text"]),
        ({"messageAttributes": {"m": {"stringValue": ["yes"]}}}, ["c1"]),
        ({"body": {"n": [{"numeric": [">", 1, "<=", 3]}]}}, ["b1", "c1"]),
    ],
)
def test_filters(world: Any, pattern: Any, sees: list[str]) -> None:
    url = world.queue()
    world.function()
    world.map(QUEUE, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    send = world.client("sqs").send_message
    send(QueueUrl=url, MessageBody='{"kind": "a", "id": "a1", "n": 1}')
    send(QueueUrl=url, MessageBody='{"kind": "bb", "id": "b1", "n": 2}')
    attributes = {"m": {"DataType": "String", "StringValue": "yes"}}
    send(QueueUrl=url, MessageBody='{"id": "c1", "n": 3}', MessageAttributes=attributes)
    send(QueueUrl=url, MessageBody="plain text")
    world.advance()
    found = []
    for each in (each for event in world.events() for each in event["Records"]):
        found.append(json.loads(each["body"])["id"] if each["body"][0] == "{" else each["body"])
    assert sorted(found) == sees
    assert world.left(url) == (0, 0)


@pytest.mark.fidelity(
    "Event source mappings", "SQS: a disabled mapping leaves the queue alone until enabled"
)
def test_a_disabled_mapping(world: Any) -> None:
    url = world.queue()
    world.function()
    mapping = world.map(QUEUE, Enabled=False)
    world.send(url, 1)
    world.advance(60)
    assert world.events() == [] and world.left(url) == (1, 0)
    world.api.update_event_source_mapping(UUID=mapping, Enabled=True)
    world.advance()
    assert [bodies(each) for each in world.events()] == [[1]]


@pytest.mark.fidelity(
    "Event source mappings",
    "SQS: messages wait in the queue while the function is deleted",
    different="not recorded on AWS; here the mapping stays Enabled and receives nothing meanwhile",
)
def test_messages_wait_for_a_deleted_function(world: Any) -> None:
    url = world.queue()
    world.function()
    mapping = world.map(QUEUE)
    world.api.delete_function(FunctionName="f")
    world.send(url, 1)
    world.advance(60)
    assert world.left(url) == (1, 0)
    assert world.api.get_event_source_mapping(UUID=mapping)["State"] == "Enabled"
    world.function()
    world.advance(60)
    assert [bodies(each) for each in world.events()] == [[1]]


@pytest.mark.fidelity(
    "Event source mappings",
    "SQS: a queue that is deleted and made again is polled again",
    different="not recorded on AWS; here the mapping stays Enabled, and a line says why",
)
def test_a_queue_that_is_deleted(world: Any) -> None:
    url = world.queue()
    world.function()
    mapping = world.map(QUEUE)
    world.client("sqs").delete_queue(QueueUrl=url)
    world.advance(60)
    told = world.api.get_event_source_mapping(UUID=mapping)
    assert told["State"] == "Enabled" and "LastProcessingResult" not in told
    world.send(world.queue(), 1)
    world.advance(60)
    assert [bodies(each) for each in world.events()] == [[1]]


@pytest.mark.fidelity(
    "Event source mappings", "a mapping of a version or an alias calls what it names"
)
def test_a_mapping_of_an_alias(world: Any) -> None:
    url = world.queue()
    arn = world.function(lambda event: None)
    version = world.api.publish_version(FunctionName="f")["Version"]
    world.api.create_alias(FunctionName="f", Name="live", FunctionVersion=version)
    world.map(QUEUE, function="f:live")
    world.send(url, 1)
    world.advance()
    assert world.players.arns == [f"{arn}:live"]
