"""What other services push reaches the emulator's functions: the contract with the embedded AWS."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator, running_emulator

ROLE = "arn:aws:iam::000000000000:role/r"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
SOURCE = """
import json, boto3
queue = boto3.client("sqs")

def handler(event, context):
    if isinstance(event, dict) and event.get("fail"):
        raise ValueError("told to")
    url = queue.get_queue_url(QueueName="seen")["QueueUrl"]
    said = {"event": event, "version": context.function_version}
    queue.send_message(QueueUrl=url, MessageBody=json.dumps(said))
    return {"echo": event}
"""


class World:
    """The function `f`, and a queue that it tells what came."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator, self.client = emulator, emulator.client
        self.queues = self.client("sqs")
        self.queue = self.queues.create_queue(QueueName="seen")["QueueUrl"]
        self.functions = self.client("lambda")
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as out:
            out.writestr("main.py", SOURCE)
        self.functions.create_function(
            FunctionName="f",
            Runtime="python3.12",
            Role=ROLE,
            Handler="main.handler",
            Code={"ZipFile": memory.getvalue()},
            Timeout=10,
        )

    def seen(self, wanted: Callable[[Any], bool] = lambda event: True) -> dict[str, Any]:
        """What came next and is wanted, within 20 seconds."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            answer = self.queues.receive_message(QueueUrl=self.queue, WaitTimeSeconds=1)
            for each in answer.get("Messages", []):
                said: dict[str, Any] = json.loads(each["Body"])
                if wanted(said["event"]):
                    return said
        raise AssertionError("nothing came")


@pytest.fixture
def world(pelton_emulator: RunningEmulator) -> World:
    return World(pelton_emulator)


@pytest.mark.fidelity("Pushes", "EventBridge rules")
def test_eventbridge_pushes_to_a_function(world: World) -> None:
    events = world.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": FUNCTION}])
    entry = {"Source": "shop", "DetailType": "order", "Detail": json.dumps({"id": 7})}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    event = world.seen()["event"]
    assert (event["source"], event["detail-type"], event["detail"]) == ("shop", "order", {"id": 7})


@pytest.mark.fidelity("Pushes", "SNS subscriptions")
def test_sns_pushes_to_a_function(world: World) -> None:
    topics = world.client("sns")
    topic = topics.create_topic(Name="t")["TopicArn"]
    topics.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=FUNCTION)
    topics.publish(TopicArn=topic, Message="hello")
    record = world.seen()["event"]["Records"][0]
    assert (record["EventSource"], record["Sns"]["Message"]) == ("aws:sns", "hello")


@pytest.mark.fidelity("Pushes", "S3 notifications")
def test_s3_pushes_to_a_function(world: World) -> None:
    buckets = world.client("s3")
    buckets.create_bucket(Bucket="bucket")
    buckets.put_bucket_notification_configuration(
        Bucket="bucket",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectCreated:*"]}
            ]
        },
    )
    buckets.put_object(Bucket="bucket", Key="k", Body=b"data")
    event = world.seen(lambda event: event.get("Event") != "s3:TestEvent")["event"]
    assert event["Records"][0]["s3"]["object"]["key"] == "k"


@pytest.mark.fidelity("Pushes", "versions and aliases as targets")
def test_a_version_and_an_alias_are_targets_of_their_own(world: World) -> None:
    version = world.functions.publish_version(FunctionName="f")["Version"]
    world.functions.create_alias(FunctionName="f", Name="live", FunctionVersion=version)
    events = world.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": f"{FUNCTION}:live"}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "d", "Detail": "{}"}])
    assert world.seen()["version"] == version


@pytest.mark.fidelity("Pushes", "Step Functions waits for the answer and sees an error")
def test_step_functions_waits_for_the_answer_and_sees_an_error(world: World) -> None:
    machines = world.client("stepfunctions")
    definition = {
        "StartAt": "call",
        "States": {"call": {"Type": "Task", "Resource": FUNCTION, "End": True}},
    }
    machine = machines.create_state_machine(
        name="m", definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    good = _run(machines, machine, {"a": 1})
    assert (good["status"], json.loads(good["output"])) == ("SUCCEEDED", {"echo": {"a": 1}})
    bad = _run(machines, machine, {"fail": True})
    assert bad["status"] == "FAILED"
    assert "told to" in bad["cause"]


def test_a_new_function_of_the_name_takes_over(world: World) -> None:
    """A rule outlives its function, as on AWS."""
    events = world.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": FUNCTION}])
    world.functions.delete_function(FunctionName="f")
    again = World(world.emulator)
    events.put_events(Entries=[{"Source": "shop", "DetailType": "d", "Detail": "{}"}])
    assert again.seen()["event"]["source"] == "shop"


def _run(machines: Any, machine: str, payload: dict[str, Any]) -> dict[str, Any]:
    execution = machines.start_execution(stateMachineArn=machine, input=json.dumps(payload))
    end = time.monotonic() + 20
    while time.monotonic() < end:
        done: dict[str, Any] = machines.describe_execution(executionArn=execution["executionArn"])
        if done["status"] != "RUNNING":
            return done
    raise AssertionError("the state machine did not end")


@pytest.mark.fidelity(
    "Pushes",
    "a service needs a statement of the function's policy",
    different="the event arrives all the same, and the emulator's log says once what AWS would do",
)
def test_a_push_that_nothing_allows_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with running_emulator() as emulator:
        world = World(emulator)
        events = world.client("events")
        events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
        events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": FUNCTION}])
        for _ in range(2):
            events.put_events(Entries=[{"Source": "shop", "DetailType": "d", "Detail": "{}"}])
            world.seen()
        world.functions.add_permission(
            FunctionName="f",
            StatementId="sns",
            Action="lambda:InvokeFunction",
            Principal="sns.amazonaws.com",
        )
        topics = world.client("sns")
        topic = topics.create_topic(Name="t")["TopicArn"]
        topics.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=FUNCTION)
        topics.publish(TopicArn=topic, Message="hello")
        world.seen()
    said = capfd.readouterr().err
    assert said.count("lets events.amazonaws.com call it") == 1
    assert "sns.amazonaws.com" not in said
