"""A function that reads a stream, deployed to a real emulator: what arrives, and what cannot."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .commands import Run, commands_at

APP = """
import boto3
import pelton

app = pelton.App("web")

@app.function(timeout=10, triggers=[
    pelton.kinesis("clicks", start="TRIM_HORIZON", dead_letter="clicks-dead", retries=1),
])
def count(n: int, context: pelton.Context) -> None:
    if n == 13:
        raise ValueError("13 never works")
    queues = boto3.client("sqs")
    url = queues.get_queue_url(QueueName="counted")["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody=f"{context.event.key} {n}")

@app.function(timeout=10, triggers=[pelton.kinesis("views")])
def view(n: int) -> None:
    print(n)
"""


@pytest.fixture
def pelton(pelton_emulator: RunningEmulator, tmp_path: Path) -> Run:
    (tmp_path / "web_app.py").write_text(APP)
    return commands_at(pelton_emulator, tmp_path)


def taken(sqs: Any, queue: str, many: int) -> list[dict[str, Any]]:
    """That many messages of a queue, waited for."""
    url, found = sqs.get_queue_url(QueueName=queue)["QueueUrl"], list[dict[str, Any]]()
    ends = time.monotonic() + 60
    while len(found) < many and time.monotonic() < ends:
        told = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=2,
            MessageAttributeNames=["All"],
        )
        for each in told.get("Messages", []):
            found.append(each)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return found


def test_plan_deploy_read_and_give_up(pelton: Run, pelton_emulator: RunningEmulator) -> None:
    planned = pelton("plan", "web_app.py").stdout
    assert "count on kinesis: create stream\n    stream clicks: on demand" in planned
    assert "stream clicks: batch 100, window 0 s, 1 retries, failures to clicks-dead" in planned
    assert "note: view reads the stream views without a dead_letter" in planned
    deployed = pelton("deploy", "web_app.py")
    assert deployed.returncode == 0, deployed.stderr
    assert pelton("deploy", "web_app.py").stdout.startswith("web: nothing to do (count, view)\n")
    sqs, streams = pelton_emulator.client("sqs"), pelton_emulator.client("kinesis")
    sqs.create_queue(QueueName="counted")
    for data in ("1", "2", "thirteen", "13", "3"):
        streams.put_record(StreamName="clicks", PartitionKey="user", Data=data.encode())
    counted = [each["Body"] for each in taken(sqs, "counted", 3)]
    assert counted == ["user 1", "user 2", "user 3"]
    letters = taken(sqs, "clicks-dead", 2)
    (own,) = [each for each in letters if each["Body"] == "thirteen"]
    said = {name: each["StringValue"] for name, each in own["MessageAttributes"].items()}
    assert said["Reason"].startswith("the body is not JSON")
    assert (said["PartitionKey"], said["Encoding"]) == ("user", "text")
    (given_up,) = [json.loads(each["Body"]) for each in letters if each is not own]
    assert given_up["KinesisBatchInfo"]["batchSize"] == 1
    assert given_up["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_a_stream_by_its_arn_is_not_made(pelton: Run, tmp_path: Path) -> None:
    arn = "arn:aws:kinesis:us-east-1:000000000000:stream/theirs"
    (tmp_path / "web_app.py").write_text(APP.replace('"views"', repr(arn)))
    refused = pelton("plan", "web_app.py")
    assert refused.returncode == 1
    assert f"function 'view' reads the stream {arn}, which is not there" in refused.stderr
