"""Releases on the emulator: what CloudWatch counts decides, and under load nothing that was asked
fails, is lost, or is answered twice."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections import Counter
from typing import Any

import pytest

from pelton.deploy.targets.aws import Account, Aws
from pelton.deploy.versions import verbs
from pelton.deploy.versions.aws import LambdaVersions
from pelton.deploy.versions.canary import Step
from pelton.deploy.versions.gates import parse
from pelton.deploy.versions.release import Split
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .load import TEXT, Load

ECHO = """
import json, os

def handler(event, context):
    if "Records" in event:
        for record in event["Records"]:
            print("took", record["body"])
        return {"batchItemFailures": []}
    body = event.get("body", "")
    if body.endswith("fails") and os.environ["NUMBER"] == "bad":
        raise ValueError(body)
    return {"statusCode": 200, "body": os.environ["NUMBER"] + " " + body}
"""


class World:
    """A function with an alias `live`, its URL, and what a release of it takes."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.client = emulator.client("lambda")
        account = Account(emulator.url, "us-east-1", "test", "test")
        self.versions = LambdaVersions(Aws(account))
        self._make()
        url = self.client.create_function_url_config(
            FunctionName="echo", Qualifier="live", AuthType="NONE"
        )
        self.client.add_permission(
            FunctionName="echo", Qualifier="live", StatementId="all", Principal="*",
            Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE",
        )  # fmt: skip
        self.client.add_permission(
            FunctionName="echo", Qualifier="live", StatementId="all-too", Principal="*",
            Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True,
        )  # fmt: skip
        self.url = url["FunctionUrl"]

    def _make(self) -> None:
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            info = zipfile.ZipInfo("main.py")
            info.external_attr = 0o644 << 16
            archive.writestr(info, ECHO)
        self.client.create_function(
            FunctionName="echo", Runtime="python3.12", Handler="main.handler",
            Role="arn:aws:iam::000000000000:role/r", Code={"ZipFile": memory.getvalue()},
            Environment=self._environment("first"), Timeout=20,
        )  # fmt: skip
        self.deploy("first", new=True)

    def _environment(self, number: str) -> dict[str, Any]:
        return {"Variables": {"NUMBER": number}}

    def deploy(self, number: str, *, hold: bool = False, new: bool = False) -> str:
        """Publish a version that answers `number`."""
        if not new:
            self.versions._aws.settle("echo")
            self.client.update_function_configuration(
                FunctionName="echo", Environment=self._environment(number)
            )
        version = self.versions.publish("echo")
        verbs.deployed(self.versions, "echo", version, hold=hold, now=0.0, by="ana")
        return version


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


async def _release_all_ways(world: World, load: Load, rounds: int, dwell: int) -> None:
    """Deploy, canary, promote, rollback, remove what is old: each is seen to have happened."""
    do = asyncio.to_thread
    await load.seen["first"].wait()
    for number in range(rounds):
        await do(world.deploy, f"second{number}")
        await load.seen[f"second{number}"].wait()
        await load.more(dwell)
        await do(world.deploy, f"third{number}", hold=True)
        await do(
            verbs.start, world.versions, "echo", [Step(0.3)], [parse("errors<1%")],
            now=0.0, by="ana",
        )  # fmt: skip
        await load.seen[f"third{number}"].wait()
        await load.more(dwell)
        await do(verbs.promote, world.versions, "echo", {}, now=1.0, by="ana", force=True)
        await load.more(dwell)
        await do(verbs.roll_back, world.versions, "echo", now=2.0, by="ana")
        await load.more(dwell)
        await do(verbs.clean, world.versions, "echo", 2)


@pytest.mark.parametrize(
    ("clients", "rounds", "dwell"),
    [(3, 1, 60), pytest.param(16, 5, 5000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
)
def test_releases_under_load(
    pelton_emulator: RunningEmulator, clients: int, rounds: int, dwell: int
) -> None:
    world = World(pelton_emulator)

    async def run() -> Load:
        load = Load(world.url, clients)
        await load.during(_release_all_ways(world, load, rounds, dwell))
        return load

    load = asyncio.run(run())
    assert set(load.answers.values()) == {1} and len(load.answers) > 50
    assert _invocations(pelton_emulator) == len(load.answers), "none ran twice, none was lost"


def _taken(emulator: RunningEmulator) -> list[str]:
    """The messages that the function says it took, every time that it did."""
    pages = emulator.client("logs").get_paginator("filter_log_events")
    return [
        event["message"].split()[1]
        for page in pages.paginate(logGroupName="/aws/lambda/echo", filterPattern="took")
        for event in page["events"]
    ]


@pytest.mark.parametrize("messages", [60, pytest.param(3000, marks=pytest.mark.slow)])
def test_a_queue_is_handed_over_message_by_message(
    pelton_emulator: RunningEmulator, messages: int
) -> None:
    world, sqs = World(pelton_emulator), pelton_emulator.client("sqs")
    queue = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "120"})["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    world.client.create_event_source_mapping(
        FunctionName="echo:live", EventSourceArn=told["QueueArn"], BatchSize=5,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )  # fmt: skip
    sent = [str(number) for number in range(messages)]
    for at in range(0, messages, 10):
        if at == messages // 3 // 10 * 10:
            world.deploy("second")
        if at == messages // 2 // 10 * 10:
            world.deploy("third", hold=True)
            verbs.start(world.versions, "echo", [Step(0.5)], [], now=0.0, by="ana")
        batch = [{"Id": each, "MessageBody": each} for each in sent[at : at + 10]]
        sqs.send_message_batch(QueueUrl=queue, Entries=batch)
    verbs.roll_back(world.versions, "echo", now=1.0, by="ana")
    while len(taken := _taken(pelton_emulator)) < messages:
        pass
    assert Counter(taken) == Counter(sent)
    assert world.versions.read("echo").split == Split("2")


def test_a_canary_is_taken_back_by_what_cloudwatch_counted(
    pelton_emulator: RunningEmulator,
) -> None:
    world = World(pelton_emulator)
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
