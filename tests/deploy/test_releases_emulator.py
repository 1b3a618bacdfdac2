"""Releases on the emulator: what CloudWatch counts decides, and under load nothing that was asked
fails, is lost, or is answered twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from pelton.deploy.versions import verbs
from pelton.deploy.versions.canary import Step
from pelton.deploy.versions.gates import parse
from pelton.deploy.versions.release import Split
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .lambda_releases import World, release_all_ways
from .load import TEXT, Load


def _invocations(emulator: RunningEmulator) -> float:
    """How often the alias was called, as CloudWatch counts it."""
    import datetime as dt

    now = dt.datetime.now(dt.UTC)
    dimensions = {"FunctionName": "echo", "Resource": "echo:live"}
    answer = emulator.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda", MetricName="Invocations", Statistics=["Sum"], Period=86400,
        StartTime=now - dt.timedelta(days=1), EndTime=now + dt.timedelta(minutes=1),
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
    )  # fmt: skip
    return float(sum(each["Sum"] for each in answer["Datapoints"]))


@pytest.mark.parametrize(
    ("clients", "rounds", "dwell"),
    [(3, 1, 60), pytest.param(8, 5, 1000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
)
def test_releases_under_load(
    pelton_emulator: RunningEmulator, clients: int, rounds: int, dwell: int
) -> None:
    world = World(pelton_emulator.url)
    with Load(world.url, clients) as load:
        load.until("first")
        release_all_ways(world, load, range(rounds), dwell)
    assert load.answers > 4 * rounds * dwell
    assert set(load.versions) == {"first"} | {
        f"{name}{number}" for name in ("second", "third") for number in range(rounds)
    }
    assert _invocations(pelton_emulator) == load.answers, "none ran twice, none was lost"


def _taken(emulator: RunningEmulator) -> list[str]:
    """The messages that the function says it took, every time that it did."""
    pages = emulator.client("logs").get_paginator("filter_log_events")
    return [
        event["message"].split()[1]
        for page in pages.paginate(logGroupName="/aws/lambda/echo", filterPattern="took")
        for event in page["events"]
    ]


def _hand_over(world: World, messages: int, send: Callable[[Sequence[str]], None]) -> None:
    """Send so many messages in tens, and release in every way between them."""
    act: dict[int, Callable[[], object]] = {
        2: lambda: world.deploy("second"),
        3: lambda: (
            world.deploy("third", hold=True),
            verbs.start(world.versions, "echo", [Step(0.5)], [], now=0.0, by="ana"),
        ),
        4: lambda: (
            verbs.promote(world.versions, "echo", {}, now=1.0, by="ana", force=True),
            verbs.clean(world.versions, "echo", 2),
        ),
        5: lambda: verbs.roll_back(world.versions, "echo", now=2.0, by="ana"),
    }
    sent = [str(number) for number in range(messages)]
    for number, at in enumerate(range(0, messages, 10)):
        share = number * 6 / (messages / 10)
        if share in act:
            act[int(share)]()
        send(sent[at : at + 10])


def _all_taken(emulator: RunningEmulator, world: World, messages: int) -> bool:
    """Come back when that many were taken; whether each was once, and who answers now."""
    while len(taken := _taken(emulator)) < messages:
        pass
    once = Counter(taken) == Counter(map(str, range(messages)))
    return once and world.versions.read("echo").split == Split("2")


@pytest.mark.parametrize("messages", [60, pytest.param(3000, marks=pytest.mark.slow)])
def test_a_queue_is_handed_over_message_by_message(
    pelton_emulator: RunningEmulator, messages: int
) -> None:
    world, sqs = World(pelton_emulator.url), pelton_emulator.client("sqs")
    queue = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "120"})["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    world.client.create_event_source_mapping(
        FunctionName="echo:live", EventSourceArn=told["QueueArn"], BatchSize=5,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )  # fmt: skip

    def send(bodies: Sequence[str]) -> None:
        batch = [{"Id": each, "MessageBody": each} for each in bodies]
        sqs.send_message_batch(QueueUrl=queue, Entries=batch)

    _hand_over(world, messages, send)
    assert _all_taken(pelton_emulator, world, messages)


@pytest.mark.parametrize("records", [60, pytest.param(3000, marks=pytest.mark.slow)])
def test_a_stream_is_handed_over_record_by_record(
    pelton_emulator: RunningEmulator, records: int
) -> None:
    world, kinesis = World(pelton_emulator.url), pelton_emulator.client("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=2)
    told = kinesis.describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]
    world.client.create_event_source_mapping(
        FunctionName="echo:live", EventSourceArn=told["StreamARN"], BatchSize=5,
        StartingPosition="TRIM_HORIZON", FunctionResponseTypes=["ReportBatchItemFailures"],
    )  # fmt: skip

    def send(bodies: Sequence[str]) -> None:
        batch = [{"Data": each.encode(), "PartitionKey": each} for each in bodies]
        kinesis.put_records(StreamName="clicks", Records=batch)

    _hand_over(world, records, send)
    assert _all_taken(pelton_emulator, world, records)


def test_a_canary_is_taken_back_by_what_cloudwatch_counted(
    pelton_emulator: RunningEmulator,
) -> None:
    world = World(pelton_emulator.url)
    world.deploy("bad", hold=True)
    now = pelton_emulator.time()
    gates = [parse("errors<10%"), parse("p99<60s")]
    verbs.start(world.versions, "echo", [Step(0.5, 600.0)], gates, now=now, by="ana")
    waits = verbs.look(world.versions, "echo", {}, now=now, by="ana")
    assert {each.verdict for each in waits.answers} == {"waits"}
    with plain.Client(timeout=60) as http:
        for _ in range(80):
            http.post(world.url, content="fails", headers=TEXT)
    turn = verbs.look(world.versions, "echo", {}, now=now + 5, by="ana")
    assert turn.canary.phase == "rolling-back"
    assert turn.canary.reason.startswith("errors<10% does not hold of version 2: errors is 100% of")
    assert "(version 1: 0% of" in turn.canary.reason
    verbs.look(world.versions, "echo", {}, now=now + 6, by="ana")
    assert world.versions.read("echo").split == Split("1")
