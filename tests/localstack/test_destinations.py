"""Where asynchronous events end, end to end: real functions, boto3, and a clock moved by hand."""

import json
import re
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .support import make_function

ARN = "arn:aws:lambda:us-east-1:000000000000:function"
SQS, SNS = "arn:aws:sqs:us-east-1:000000000000", "arn:aws:sns:us-east-1:000000000000"
BUS = "arn:aws:events:us-east-1:000000000000:event-bus/default"
SOURCE = """
import json

def handler(event, context):
    if event.get("fail"):
        raise ValueError(event["fail"])
    return {"seen": event, "id": context.aws_request_id}
"""


class World:
    """The emulator as a user has it, and a few words for what its tests do often."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator, self.advance = emulator, emulator.advance
        self.functions, self.sqs = emulator.client("lambda"), emulator.client("sqs")

    def queue(self, name: str) -> str:
        return str(self.sqs.create_queue(QueueName=name)["QueueUrl"])

    def messages(self, url: str) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        for each in answer.get("Messages", []):
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return list(answer.get("Messages", []))

    def send(self, event: Any, name: str = "f", **more: Any) -> str:
        answer = self.functions.invoke(
            FunctionName=name, InvocationType="Event", Payload=json.dumps(event), **more
        )
        assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
        return str(answer["ResponseMetadata"]["RequestId"])

    def ends_at(self, success: str = "", failure: str = "", **settings: Any) -> None:
        self.functions.put_function_event_invoke_config(
            FunctionName=settings.pop("name", "f"),
            DestinationConfig={
                "OnSuccess": {"Destination": success},
                "OnFailure": {"Destination": failure},
            },
            **settings,
        )


@pytest.fixture
def world(pelton_manual_emulator: RunningEmulator) -> World:
    world = World(pelton_manual_emulator)
    make_function(world.functions, SOURCE, "f", Timeout=20)
    return world


@pytest.mark.fidelity("Asynchronous events", "the invocation record of a success, to an SQS queue")
def test_a_success_is_told_to_a_queue(world: World) -> None:
    url = world.queue("done")
    world.ends_at(success=f"{SQS}:done")
    request = world.send({"n": 1})
    world.advance(0)
    (message,) = world.messages(url)
    record = json.loads(message["Body"])
    assert re.fullmatch(r"2026-01-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("timestamp"))
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request,
            "functionArn": f"{ARN}:f:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"n": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"seen": {"n": 1}, "id": request},
    }


@pytest.mark.fidelity("Asynchronous events", "the record of a failure, and when it comes")
def test_a_failure_is_told_after_its_retries(world: World) -> None:
    url = world.queue("failed")
    world.ends_at(failure=f"{SQS}:failed")
    request = world.send({"fail": "no"})
    world.advance(179)
    assert world.messages(url) == []
    world.advance(2)
    (message,) = world.messages(url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestContext"]["requestId"] == request
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"]["errorMessage"] == "no"
    assert message.get("MessageAttributes") is None


@pytest.mark.fidelity("Asynchronous events", "an alias has its own settings, and stands in the ARN")
def test_an_alias_has_its_own_settings(world: World) -> None:
    world.functions.publish_version(FunctionName="f")
    world.functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    url, other = world.queue("live"), world.queue("latest")
    world.ends_at(success=f"{SQS}:live", Qualifier="live")
    world.ends_at(success=f"{SQS}:latest")
    world.send({}, Qualifier="live")
    world.advance(0)
    (message,) = world.messages(url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["functionArn"] == f"{ARN}:f:live"
    assert record["responseContext"]["executedVersion"] == "1"
    assert world.messages(other) == []


@pytest.mark.fidelity("Asynchronous events", "records published to an SNS topic")
def test_a_topic(world: World) -> None:
    sns, url = world.emulator.client("sns"), world.queue("of-topic")
    topic = sns.create_topic(Name="ends")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{SQS}:of-topic")
    world.ends_at(success=topic)
    world.send({"n": 2})
    world.advance(0)
    (message,) = world.messages(url)
    record = json.loads(json.loads(message["Body"])["Message"])
    assert record["requestPayload"] == {"n": 2}


@pytest.mark.parametrize(("event", "kind"), [({}, "Success"), ({"fail": "no"}, "Failure")])
@pytest.mark.fidelity(
    "Asynchronous events", "records as EventBridge events: source lambda, detail-type, resources"
)
def test_an_event_bus(world: World, event: Any, kind: str) -> None:
    events, url = world.emulator.client("events"), world.queue("of-bus")
    events.put_rule(Name="ends", EventPattern=json.dumps({"source": ["lambda"]}))
    events.put_targets(Rule="ends", Targets=[{"Id": "q", "Arn": f"{SQS}:of-bus"}])
    world.ends_at(BUS, BUS, MaximumRetryAttempts=0)
    world.send(event)
    world.advance(0)
    (message,) = world.messages(url)
    told = json.loads(message["Body"])
    assert told["source"] == "lambda"
    assert told["detail-type"] == f"Lambda Function Invocation Result - {kind}"
    assert told["resources"] == [BUS, f"{ARN}:f:$LATEST"]
    assert told["detail"]["requestPayload"] == event


@pytest.mark.fidelity("Asynchronous events", "records of failures as objects in an S3 bucket")
def test_a_bucket(world: World) -> None:
    s3 = world.emulator.client("s3")
    s3.create_bucket(Bucket="failures")
    world.ends_at(failure="arn:aws:s3:::failures", MaximumRetryAttempts=0)
    request = world.send({"fail": "no"})
    world.advance(0)
    (found,) = s3.list_objects_v2(Bucket="failures")["Contents"]
    assert re.fullmatch(
        r"aws/lambda/async/f/2026/01/\d\d/2026-01-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{36}",
        found["Key"],
    )
    body = s3.get_object(Bucket="failures", Key=found["Key"])["Body"].read()
    assert json.loads(body)["requestContext"]["requestId"] == request


@pytest.mark.fidelity(
    "Asynchronous events", "another function is invoked asynchronously with the record"
)
def test_another_function_and_its_own_end(world: World) -> None:
    make_function(world.functions, SOURCE, "after", Timeout=20)
    url = world.queue("chain")
    world.ends_at(success=f"{ARN}:after")
    world.ends_at(success=f"{SQS}:chain", name="after")
    request = world.send({"n": 3})
    world.advance(0)
    (message,) = world.messages(url)
    record = json.loads(message["Body"])
    assert record["requestPayload"]["requestContext"]["requestId"] == request
    assert record["requestContext"]["requestId"] != request
    assert record["responsePayload"]["seen"]["responsePayload"]["seen"] == {"n": 3}


@pytest.mark.fidelity(
    "Asynchronous events", "events that a reserved concurrency throttles wait, and lose no attempt"
)
def test_throttled_events_wait(world: World) -> None:
    url = world.queue("late")
    world.ends_at(success=f"{SQS}:late", MaximumRetryAttempts=0)
    world.functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    requests = [world.send({"n": n}) for n in range(5)]
    world.advance(600)
    got = [json.loads(each["Body"])["requestContext"]["requestId"] for each in world.messages(url)]
    assert sorted(got) == sorted(requests)


@pytest.mark.fidelity(
    "Asynchronous events", "the dead letter: the raw event, with RequestID, ErrorCode, ErrorMessage"
)
def test_a_dead_letter_queue(world: World) -> None:
    url = world.queue("dead")
    world.functions.update_function_configuration(
        FunctionName="f", DeadLetterConfig={"TargetArn": f"{SQS}:dead"}
    )
    request = world.send({"fail": "x" * 5000})
    world.advance(3600)
    (message,) = world.messages(url)
    assert json.loads(message["Body"]) == {"fail": "x" * 5000}
    told = {
        name: (each["DataType"], each["StringValue"])
        for name, each in message["MessageAttributes"].items()
    }
    assert told == {
        "RequestID": ("String", request),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "x" * 1024),
    }


@pytest.mark.fidelity("Asynchronous events", "a dead-letter topic")
def test_a_dead_letter_topic(world: World) -> None:
    sns, url = world.emulator.client("sns"), world.queue("of-dead")
    topic = sns.create_topic(Name="dead")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{SQS}:of-dead")
    world.functions.update_function_configuration(
        FunctionName="f", DeadLetterConfig={"TargetArn": topic}
    )
    request = world.send({"fail": "no"})
    world.advance(3600)
    (message,) = world.messages(url)
    told = json.loads(message["Body"])
    assert json.loads(told["Message"]) == {"fail": "no"}
    assert told["MessageAttributes"]["RequestID"] == {"Type": "String", "Value": request}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (f"{SQS}:none",
         "The provided execution role does not have permissions to call SendMessage on SQS"),
        (f"{SNS}:none",
         "The provided execution role does not have permissions to call Publish on SNS"),
        (f"{ARN}:f", "Invalid dead letter queue ARN: Only Amazon SQS queues and Amazon SNS topics "
         "are supported."),
        ("arn:aws:sqs:eu-west-1:000000000000:dead", "Invalid dead letter queue ARN: The resource "
         "specified by the TargetArn must be in the same region as the Lambda function it's "
         "associated with."),
    ],
)  # fmt: skip
@pytest.mark.fidelity("Errors", "a dead-letter queue that cannot be one is refused in AWS's words")
def test_a_dead_letter_queue_that_cannot_be_one(world: World, target: str, words: str) -> None:
    error = world.functions.exceptions.InvalidParameterValueException
    with pytest.raises(error) as raised:
        world.functions.update_function_configuration(
            FunctionName="f", DeadLetterConfig={"TargetArn": target}
        )
    assert raised.value.response["Error"]["Message"] == words
    with pytest.raises(error, match=re.escape(words)):
        make_function(world.functions, SOURCE, "g", DeadLetterConfig={"TargetArn": target})
    told = world.functions.get_function_configuration(FunctionName="f")
    assert "DeadLetterConfig" not in told
