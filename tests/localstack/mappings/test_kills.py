"""Real sandboxes and real kills: nothing is lost, what comes twice is known, a restart goes on."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from ..support import emulator_process, make_function, until

PLACE = "us-east-1:000000000000"
QUEUE, FIFO = f"arn:aws:sqs:{PLACE}:in", f"arn:aws:sqs:{PLACE}:in.fifo"
STREAM = f"arn:aws:kinesis:{PLACE}:stream/s"
# Keeps what it was given, in order, in a file; dies at once on some, the first time it sees them.
KEEPER = """
import base64, json, os
SEEN = {seen!r}

def handler(event, context):
    with open(SEEN, "a") as out:
        for record in event["Records"]:
            body = record.get("body") or base64.b64decode(record["kinesis"]["data"]).decode()
            told = json.loads(body)
            first = not os.path.exists(SEEN + ".died" + str(told["n"]))
            if told["n"] % 7 == 3 and first:
                open(SEEN + ".died" + str(told["n"]), "w").close()
                os.kill(os.getpid(), 9)
            out.write(body + "\\n")
            out.flush()
"""


def create(client: Any, seen: Path, timeout: int = 2) -> None:
    make_function(client, KEEPER.format(seen=str(seen)), Timeout=timeout)


@pytest.fixture
def seen() -> Iterator[Path]:
    """A file that sandboxes can write: their /tmp and /var are their own."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        yield Path(folder) / "seen"


def kept(seen: Path) -> list[Any]:
    return [json.loads(line) for line in seen.read_text().splitlines()] if seen.exists() else []


def left(queues: Any, url: str) -> set[str]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return set(told.values())


@pytest.mark.fidelity(
    "Event source mappings", "SQS: a sandbox that is killed loses no message, and FIFO no order"
)
def test_killed_sandboxes_lose_no_message(pelton_emulator: RunningEmulator, seen: Path) -> None:
    queues, client = pelton_emulator.client("sqs"), pelton_emulator.client("lambda")
    create(client, seen)
    urls = {}
    for arn, more in ((QUEUE, {}), (FIFO, {"FifoQueue": "true"})):
        name = arn.rpartition(":")[2]
        attributes = {"VisibilityTimeout": "2", **more}
        urls[name] = queues.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        client.create_event_source_mapping(EventSourceArn=arn, FunctionName="f", BatchSize=2)
    for n in range(14):
        queues.send_message(QueueUrl=urls["in"], MessageBody=json.dumps({"n": n, "in": "in"}))
        group = f"g{n % 2}"
        queues.send_message(
            QueueUrl=urls["in.fifo"],
            MessageBody=json.dumps({"n": n + 100, "in": group}),
            MessageGroupId=group,
            MessageDeduplicationId=str(n),
        )
    until(lambda: left(queues, urls["in"]) | left(queues, urls["in.fifo"]) == {"0"})
    found = kept(seen)
    assert {each["n"] for each in found} == {*range(14), *range(100, 114)}
    for group in ("g0", "g1"):
        first: list[int] = []
        for each in found:
            if each["in"] == group and each["n"] not in first:
                first.append(each["n"])
        assert first == sorted(first)


@pytest.mark.fidelity(
    "Event source mappings", "streams: a sandbox that is killed holds its shard back, in order"
)
def test_killed_sandboxes_keep_a_shards_order(pelton_emulator: RunningEmulator, seen: Path) -> None:
    kinesis, client = pelton_emulator.client("kinesis"), pelton_emulator.client("lambda")
    create(client, seen)
    kinesis.create_stream(StreamName="s", ShardCount=1)
    client.create_event_source_mapping(
        EventSourceArn=STREAM, FunctionName="f", BatchSize=3, StartingPosition="LATEST"
    )
    for n in range(12):
        data = json.dumps({"n": n}).encode()
        kinesis.put_record(StreamName="s", Data=data, PartitionKey="k")
    until(lambda: {each["n"] for each in kept(seen)} == set(range(12)))
    first: list[int] = []
    for each in kept(seen):
        if each["n"] not in first:
            first.append(each["n"])
    assert first == list(range(12))


@pytest.mark.fidelity(
    "Event source mappings",
    "streams: after a restart a mapping goes on where it was",
    different="the embedded streams keep their records at a clean stop only, not over a kill",
)
def test_a_restart_goes_on_where_it_was(tmp_path: Path, seen: Path) -> None:
    data = tmp_path / "data"
    with emulator_process("--data-dir", str(data)) as (running, _):
        kinesis, client = running.client("kinesis"), running.client("lambda")
        create(client, seen)
        kinesis.create_stream(StreamName="s", ShardCount=1)
        uuid = client.create_event_source_mapping(
            EventSourceArn=STREAM, FunctionName="f", StartingPosition="TRIM_HORIZON"
        )["UUID"]
        kinesis.put_record(StreamName="s", Data=b'{"n": 1}', PartitionKey="k")
        until(lambda: len(kept(seen)) == 1)
        client.get_event_source_mapping(UUID=uuid)
    with emulator_process("--data-dir", str(data)) as (running, process):
        kinesis, client = running.client("kinesis"), running.client("lambda")
        kinesis.put_record(StreamName="s", Data=b'{"n": 2}', PartitionKey="k")
        until(lambda: len(kept(seen)) == 2)
        assert client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
        process.send_signal(signal.SIGKILL)
        process.wait()
    with emulator_process("--data-dir", str(data)) as (running, _):
        kinesis, client = running.client("kinesis"), running.client("lambda")
        assert client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
        if "s" not in kinesis.list_streams()["StreamNames"]:
            kinesis.create_stream(StreamName="s", ShardCount=1)
        kinesis.put_record(StreamName="s", Data=b'{"n": 4}', PartitionKey="k")
        until(lambda: kept(seen)[-1] == {"n": 4})
    # What a kill took back in the stream is never run a second time by this mapping.
    assert [each["n"] for each in kept(seen)] == [1, 2, 4]
