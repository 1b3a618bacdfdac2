"""What other services push reaches the emulator's functions: the contract with the embedded AWS."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import SNSEvent

from pelton.pytest_plugin import RunningEmulator

from .support import emulator_at, make_function, until, with_plain_aws

ROLE = "arn:aws:iam::000000000000:role/r"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
SOURCE = """
import json
from plain_aws import send

def handler(event, context):
    if isinstance(event, dict) and event.get("fail"):
        raise ValueError("told to")
    said = {"event": event, "version": context.function_version}
    send("seen", json.dumps(said))
    return {"echo": event}
"""


class World:
    """The function `f`, and a queue that it tells what came."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator, self.client = emulator, emulator.client
        self.queues = self.client("sqs")
        self.queue = self.queues.create_queue(QueueName="seen")["QueueUrl"]
        self.functions = self.client("lambda")
        make_function(self.functions, with_plain_aws(SOURCE), Timeout=10)

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


@pytest.mark.fidelity(
    "Pushes",
    "SNS subscriptions: every member of an event, as Lambda has it",
    different="the signature is none, and the addresses lead nowhere",
)
def test_sns_pushes_to_a_function(world: World) -> None:
    topics = world.client("sns")
    topic = topics.create_topic(Name="t")["TopicArn"]
    subscription = topics.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=FUNCTION)
    sent = topics.publish(TopicArn=topic, Message="hello")["MessageId"]
    event = world.seen()["event"]
    (record,) = event["Records"]
    told = {name: record["Sns"].pop(name) for name in ("Timestamp", "Signature")}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["Timestamp"])
    addresses = [record["Sns"].pop(name) for name in ("SigningCertUrl", "UnsubscribeUrl")]
    assert all(each.startswith("http") for each in addresses)
    assert record == {
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription["SubscriptionArn"],
        "EventSource": "aws:sns",
        "Sns": {
            "Type": "Notification",
            "MessageId": sent,
            "TopicArn": topic,
            "Subject": None,
            "Message": "hello",
            "SignatureVersion": "1",
            "MessageAttributes": {},
        },
    }
    attributes = {"a": {"DataType": "String", "StringValue": "b"}}
    topics.publish(TopicArn=topic, Message="m", Subject="s", MessageAttributes=attributes)
    read = next(SNSEvent(world.seen()["event"]).records).sns
    assert (read.subject, read.message) == ("s", "m")
    assert read.message_attributes["a"].value == "b"
    assert read.signing_cert_url and read.unsubscribe_url


def test_a_function_whose_name_begins_with_a_word_of_the_api(world: World) -> None:
    # ministack looks for "/url" anywhere in a path.
    make_function(world.functions, with_plain_aws(SOURCE), "urls", Timeout=10, Publish=True)
    world.functions.create_alias(FunctionName="urls", Name="live", FunctionVersion="1")
    topics = world.client("sns")
    topic = topics.create_topic(Name="t")["TopicArn"]
    endpoint = FUNCTION.removesuffix(":f") + ":urls:live"
    topics.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=endpoint)
    topics.publish(TopicArn=topic, Message="hello")
    assert world.seen()["version"] == "1"


@pytest.mark.fidelity("Pushes", "S3 notifications: every member of events of a put and a delete")
def test_s3_pushes_to_a_function(world: World) -> None:
    buckets = world.client("s3")
    buckets.create_bucket(Bucket="bucket")
    buckets.put_bucket_notification_configuration(
        Bucket="bucket",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {
                    "Id": "all",
                    "LambdaFunctionArn": FUNCTION,
                    "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                }
            ]
        },
    )
    etag = buckets.put_object(Bucket="bucket", Key="a b", Body=b"data")["ETag"].strip('"')
    put = s3_record(world)
    buckets.delete_object(Bucket="bucket", Key="a b")
    removed = s3_record(world)
    assert put["eventName"] == "ObjectCreated:Put"
    assert put["s3"].pop("object") == {"key": "a+b", "size": 4, "eTag": etag}
    assert removed.pop("eventName") == "ObjectRemoved:Delete"
    assert removed["s3"].pop("object") == {"key": "a+b"}
    del put["eventName"]
    assert put == removed
    owner = put["s3"]["bucket"].pop("ownerIdentity")
    assert owner.keys() == put.pop("userIdentity").keys() == {"principalId"}
    assert put.pop("responseElements").keys() == {"x-amz-request-id", "x-amz-id-2"}
    assert put == {
        "eventVersion": "2.6",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "all",
            "bucket": {"name": "bucket", "arn": "arn:aws:s3:::bucket"},
        },
    }


def s3_record(world: World) -> dict[str, Any]:
    """The record of the next event, without what is another one each time."""
    (record,) = world.seen(lambda event: event.get("Event") != "s3:TestEvent")["event"]["Records"]
    assert record.pop("eventTime").endswith("Z") and record["s3"]["object"].pop("sequencer")
    record["responseElements"]["x-amz-request-id"] = ""
    found: dict[str, Any] = record
    return found


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


@pytest.mark.fidelity(
    "Pushes", "Step Functions' lambda:invoke: every member of the output, and the Qualifier"
)
def test_the_output_of_a_task_that_invokes(world: World) -> None:
    version = world.functions.publish_version(FunctionName="f")["Version"]
    machines = world.client("stepfunctions")
    parameters = {"FunctionName": FUNCTION, "Qualifier": version, "Payload.$": "$"}
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": parameters,
        "End": True,
    }
    machine = machines.create_state_machine(
        name="i", definition=json.dumps({"StartAt": "a", "States": {"a": task}}), roleArn=ROLE
    )["stateMachineArn"]
    output = json.loads(_run(machines, machine, {"a": 1})["output"])
    metadata = output.pop("SdkHttpMetadata")
    headers = metadata["HttpHeaders"]
    request = headers["x-amzn-RequestId"]
    assert output == {
        "ExecutedVersion": version,
        "Payload": {"echo": {"a": 1}},
        "SdkResponseMetadata": {"RequestId": request},
        "StatusCode": 200,
    }
    assert metadata == {
        "AllHttpHeaders": {name: [value] for name, value in headers.items()},
        "HttpHeaders": headers,
        "HttpStatusCode": 200,
    }
    assert headers.pop("Date").endswith(" GMT") and headers.pop("X-Amzn-Trace-Id")
    assert headers == {
        "Connection": "keep-alive",
        "Content-Length": str(len(json.dumps({"echo": {"a": 1}}))),
        "Content-Type": "application/json",
        "X-Amz-Executed-Version": version,
        "x-amzn-Remapped-Content-Length": "0",
        "x-amzn-RequestId": request,
    }
    assert world.seen()["version"] == version
    bad = _run(machines, machine, {"fail": True})
    assert (bad["status"], bad["error"]) == ("FAILED", "ValueError")


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

    def done() -> dict[str, Any]:
        told: dict[str, Any] = machines.describe_execution(executionArn=execution["executionArn"])
        return {} if told["status"] == "RUNNING" else told

    return until(done)


@pytest.mark.fidelity(
    "Pushes",
    "a service needs a statement of the function's policy",
    different="the event arrives all the same, and the emulator's log says once what AWS would do",
)
def test_a_push_that_nothing_allows_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with emulator_at() as emulator:
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
