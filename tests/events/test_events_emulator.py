"""Calls on the emulator, recorded and replayed against the next version; real sources."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pelton.cli import command
from pelton.deploy.where import Where
from pelton.events.callers import emulator_calls
from pelton.events.recording import read
from pelton.events.redaction import Redaction
from pelton.pytest_plugin import RunningEmulator

from .. import plain

SOURCE = """
def handler(event, context):
    if event.get("n") == 13:
        raise ValueError("unlucky")
    return {"twice": event.get("n", 0) * FACTOR, "token": event.get("token")}
"""


def code(factor: int) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as out:
        entry = zipfile.ZipInfo("main.py")
        entry.external_attr = 0o100644 << 16
        out.writestr(entry, SOURCE.replace("FACTOR", str(factor)))
    return memory.getvalue()


@pytest.fixture
def function(pelton_emulator: RunningEmulator) -> Any:
    client = pelton_emulator.client("lambda")
    client.create_function(
        FunctionName="twice",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="main.handler",
        Code={"ZipFile": code(2)},
    )
    client.get_waiter("function_active_v2").wait(FunctionName="twice", WaiterConfig={"Delay": 0.05})
    return client


def run(emulator: RunningEmulator, *words: str, exit_code: int = 0) -> str:
    done = CliRunner().invoke(command, ["events", *words, "--endpoint", emulator.url])
    assert done.exit_code == exit_code, done.output
    return done.output


@pytest.mark.fidelity("Beside AWS", "a function's calls and answers are recorded while asked for")
def test_calls_are_recorded_and_replayed(
    pelton_emulator: RunningEmulator, function: Any, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    recording = threading.Thread(
        target=run,
        args=(
            pelton_emulator,
            "record",
            "twice",
            "--out",
            str(file),
            "--count",
            "3",
            "--redact",
            "token",
        ),
    )
    recording.start()
    end = time.monotonic() + 60
    number = 0
    while recording.is_alive():  # what comes before the recording has begun is not in it
        payload = {"n": (1, 13, 5)[number % 3], "token": "s3cret"}
        function.invoke(FunctionName="twice", Payload=json.dumps(payload))
        number += 1
        assert time.monotonic() < end
    recording.join()
    events = list(read(file))
    assert "s3cret" not in file.read_text()
    assert {each.event["n"] for each in events} == {1, 13, 5}
    failed = [each for each in events if each.error]
    assert [each.answer["errorType"] for each in failed] == ["ValueError"]
    assert run(pelton_emulator, "replay", str(file)) == "twice: 0 of 3 answers differ\n"
    function.publish_version(FunctionName="twice")
    function.update_function_code(FunctionName="twice", ZipFile=code(3), Publish=True)
    said = run(pelton_emulator, "replay", str(file), "--version", "2", exit_code=2)
    assert "    /twice: 2 -> 3\n" in said and said.endswith("twice: 2 of 3 answers differ\n")
    assert "0 of 3" in run(pelton_emulator, "replay", str(file), "--version", "1")
    assert "Function not found" in run(
        pelton_emulator, "replay", str(file), "--version", "9", exit_code=1
    )


def test_a_recording_of_what_is_not_there(pelton_emulator: RunningEmulator, tmp_path: Path) -> None:
    out = str(tmp_path / "events.jsonl")
    assert "function 'nobody'" in run(
        pelton_emulator, "record", "nobody", "--out", out, exit_code=1
    )
    assert not Path(out).exists(), "nothing was begun"
    Path(out).write_text("{}\n")
    words = ("record", "nobody", "--out", out, "--to", "aws")
    assert "aws keeps no events" in run(pelton_emulator, *words, exit_code=1)
    assert Path(out).read_text() == "{}\n"


def test_messages_reach_their_sources(pelton_emulator: RunningEmulator) -> None:
    queues, topics = pelton_emulator.client("sqs"), pelton_emulator.client("sns")
    url = queues.create_queue(QueueName="orders")["QueueUrl"]
    topic = topics.create_topic(Name="news")["TopicArn"]
    arn = url.replace(url, "arn:aws:sqs:us-east-1:000000000000:orders")
    topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    buckets = pelton_emulator.client("s3")
    buckets.create_bucket(Bucket="things")
    said = run(pelton_emulator, "send", "sqs", "orders", "--body", '{"n": 1}', "--count", "12")
    assert said == "12 messages to queue orders\n"
    run(pelton_emulator, "send", "sns", "news", "--body", "hello", "--set", "subject=s")
    run(pelton_emulator, "send", "s3", "things", "--key", "a/b.txt", "--body", "text")
    names = ["ApproximateNumberOfMessages"]
    told = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert told == {"ApproximateNumberOfMessages": "13"}
    assert buckets.get_object(Bucket="things", Key="a/b.txt")["Body"].read() == b"text"
    assert "no topic 'nws'; there are news" in run(
        pelton_emulator, "send", "sns", "nws", exit_code=1
    )
    assert "queue" in run(pelton_emulator, "send", "sqs", "nobody", "--body", "1", exit_code=1)
    buckets.delete_object(Bucket="things", Key="a/b.txt")


NUCLIO = """
import json

def handler(context, event):
    if event.path == "/raise":
        raise ValueError("unlucky")
    return json.dumps({"twice": event.body["n"] * FACTOR, "path": str(event.path)})
"""


def deploy_to_nuclio(emulator: RunningEmulator, factor: int) -> str:
    """The address of the function's own port."""
    source = base64.b64encode(NUCLIO.replace("FACTOR", str(factor)).encode()).decode()
    spec = {
        "runtime": "python",
        "handler": "main:handler",
        "env": [{"name": "NUCLIO_PYTHON_DECODE_EVENT_STRINGS", "value": "true"}],
        "build": {"functionSourceCode": source},
    }
    answer = plain.request(
        "POST" if factor == 2 else "PUT",
        f"{emulator.nuclio_url}/api/functions{'' if factor == 2 else '/twice'}",
        json={"metadata": {"name": "twice"}, "spec": spec},
        headers={"x-nuclio-wait-function-action": "true"},
        timeout=60,
    )
    assert answer.status_code == 202, answer.text
    told = plain.get(f"{emulator.nuclio_url}/api/functions/twice").json()["status"]
    assert told["state"] == "ready", told
    return f"http://127.0.0.1:{told['httpPort']}"


def test_calls_on_nuclio_are_recorded_and_replayed(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    address, file = deploy_to_nuclio(pelton_emulator, 2), tmp_path / "events.jsonl"
    where = Where("local", ("nuclio",), pelton_emulator.url, pelton_emulator.nuclio_url)
    calls = emulator_calls(where, "twice")
    assert next(calls) == []
    for path in ("/a", "/raise"):
        plain.post(address + path, json={"n": 4}, headers={"Authorization": "s3cret"})
    redaction = Redaction()
    file.write_text("".join(redaction.recorded(each).line() for each in next(calls)))
    calls.close()
    one, two = read(file)
    assert "s3cret" not in file.read_text()
    assert (one.event["method"], one.event["path"], one.answer["status"]) == ("POST", "/a", 200)
    assert (two.error, two.answer["status"]) == ("500", 500)
    words = ("--on", "nuclio", "--nuclio-endpoint", pelton_emulator.nuclio_url)
    assert "twice: 0 of 2" in run(pelton_emulator, "replay", str(file), *words)
    deploy_to_nuclio(pelton_emulator, 3)
    said = run(pelton_emulator, "replay", str(file), *words, exit_code=2)
    assert "    /body/twice: 8 -> 12\n" in said and "twice: 1 of 2" in said
    missing = ("--function", "nobody", *words)
    assert "no function 'nobody'" in run(
        pelton_emulator, "replay", str(file), *missing, exit_code=1
    )
