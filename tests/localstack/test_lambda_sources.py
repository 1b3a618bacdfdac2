"""Events reach functions: queues, URLs, and what survives a kill."""

import json
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from ..deploy.commands import run_command
from .support import emulator_at, emulator_process, make_function, permit_all, until, with_plain_aws

ROLE = "arn:aws:iam::000000000000:role/r"
CONSUMER = """
import json
from plain_aws import call

def handler(event, context):
    failed = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        if body["bad"] and record["attributes"]["ApproximateReceiveCount"] == "1":
            failed.append({"itemIdentifier": record["messageId"]})
        else:
            item = {"id": {"S": body["id"]}}
            call("dynamodb", "DynamoDB_20120810.PutItem", TableName="seen", Item=item)
    return {"batchItemFailures": failed}
"""
WEB = """
import json
def handler(event, context):
    if event["rawPath"] == "/fail":
        raise ValueError("no")
    return {"statusCode": 201, "headers": {"x-a": "b"}, "cookies": ["c=1"],
            "body": json.dumps([event["rawPath"], event.get("body")])}
"""


def create(client: Any, source: str, timeout: int = 5) -> None:
    make_function(client, with_plain_aws(source), Timeout=timeout, MemorySize=256)


@pytest.mark.fidelity(
    "Event source mappings", "SQS: a message is deleted when it succeeded, and comes again when not"
)
def test_every_message_is_done_and_a_failed_one_comes_again(
    pelton_emulator: RunningEmulator,
) -> None:
    client, queues = pelton_emulator.client("lambda"), pelton_emulator.client("sqs")
    tables = pelton_emulator.client("dynamodb")
    tables.create_table(
        TableName="seen",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    url = queues.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    create(client, CONSUMER, timeout=1)
    client.create_event_source_mapping(
        FunctionName="f",
        EventSourceArn="arn:aws:sqs:us-east-1:000000000000:q",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    for number in range(20):
        body = json.dumps({"id": str(number), "bad": number % 5 == 0})
        queues.send_message(QueueUrl=url, MessageBody=body)
    until(lambda: tables.scan(TableName="seen")["Count"] == 20)
    asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    until(
        lambda: (
            set(
                queues.get_queue_attributes(QueueUrl=url, AttributeNames=asked)[
                    "Attributes"
                ].values()
            )
            == {"0"}
        )
    )


@pytest.mark.fidelity(
    "Function URLs", "payload 2.0, status, headers and cookies as the function says"
)
def test_a_function_url_answers_as_the_function_says(pelton_emulator: RunningEmulator) -> None:
    client = pelton_emulator.client("lambda")
    create(client, WEB)
    url = client.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, timeout=10)
    assert refused.value.code == 403
    refused.value.close()
    permit_all(client)
    request = urllib.request.Request(
        f"{url}a%20b", data=b"hi", headers={"content-type": "text/plain"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert (answer.status, answer.headers["x-a"]) == (201, "b")
        assert answer.headers["set-cookie"] == "c=1"
        assert json.loads(answer.read()) == ["/a%20b", "hi"]
    with pytest.raises(urllib.error.HTTPError) as failed:
        urllib.request.urlopen(f"{url}fail", timeout=10)
    assert failed.value.code == 502
    failed.value.close()


@pytest.mark.fidelity("Functions", "what was acknowledged survives a kill of the emulator")
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    with emulator_process("--data-dir", str(tmp_path)) as (emulator, process):
        client = emulator.client("lambda")
        create(client, WEB)
        version = client.publish_version(FunctionName="f")["Version"]
        client.create_alias(FunctionName="f", Name="live", FunctionVersion=version)
        process.kill()
    with emulator_process("--data-dir", str(tmp_path)) as (emulator, process):
        client = emulator.client("lambda")
        assert client.get_alias(FunctionName="f", Name="live")["FunctionVersion"] == version
        event = json.dumps({"rawPath": "/"})
        answer = client.invoke(FunctionName="f", Qualifier="live", Payload=event)
        assert json.loads(answer["Payload"].read())["statusCode"] == 201
    assert process.returncode == 0


def test_a_port_in_use_is_said(pelton_emulator: RunningEmulator, tmp_path: Path) -> None:
    port = pelton_emulator.url.rpartition(":")[2]
    done = run_command(["emulator", "--port", port, "--nuclio-port", "0"], tmp_path)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr and "in use" in done.stderr


@pytest.mark.parametrize(
    "file", ["registry.sqlite", "events.sqlite", "nuclio/nuclio.sqlite", "services/sqs.json"]
)
def test_a_corrupt_data_dir_is_named(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("this is no database, and long enough to be read" * 100)
    words = ["emulator", "--port", "0", "--nuclio-port", "0", "--data-dir", str(tmp_path)]
    done = run_command(words, tmp_path)
    assert done.returncode == 1
    assert file in done.stderr and "Traceback" not in done.stderr
    assert "move" in done.stderr


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_kept_code_that_is_not_what_was_kept_is_named(tmp_path: Path, how: str) -> None:
    data = ("--data-dir", str(tmp_path))
    with emulator_at(*data) as emulator:
        create(emulator.client("lambda"), "def handler(event, context):\n    return 1\n")
    for path in (tmp_path / "code").iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif how == "missing":
            path.unlink()
        else:
            path.write_bytes(b"no archive")
    with emulator_at(*data) as emulator:
        client = emulator.client("lambda", retries={"max_attempts": 0})
        with pytest.raises(client.exceptions.ServiceException) as caught:
            client.invoke(FunctionName="f")
        assert "is missing or damaged: deploy it again" in str(caught.value)
        assert [each["FunctionName"] for each in client.list_functions()["Functions"]] == ["f"]
