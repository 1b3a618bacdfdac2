"""The end of an emulator that is asked to stop while functions run."""

import json
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pelton.localstack.lambda_.interpreters import own
from pelton.pytest_plugin import RunningEmulator

from .support import emulator_process, make_function, raw_client, until

SOURCE = """
import os, socket, urllib.request

def handler(event, context):
    with socket.create_connection(("127.0.0.1", event)) as test:
        test.recv(1)
    with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_pelton/health") as answer:
        return answer.status
"""


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """Where a function knocks when it has begun; it goes on when it is told something."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def call(emulator: RunningEmulator, door: socket.socket) -> Any:
    client = raw_client(emulator.url)
    make_function(client, SOURCE, Runtime=own().runtime, Timeout=60)
    answer = client.invoke(FunctionName="f", Payload=json.dumps(door.getsockname()[1]))
    return json.loads(answer["Payload"].read())


@pytest.mark.fidelity("Execution", "a call that runs when the emulator is to stop may end")
@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)],  # asked twice below
)
def test_a_running_call_may_end(door: socket.socket, number: signal.Signals) -> None:
    with emulator_process() as (emulator, process), ThreadPoolExecutor(1) as pool:
        answer = pool.submit(call, emulator, door)
        with door.accept()[0] as knock:
            process.send_signal(number)
            knock.sendall(b"!")
        assert answer.result() == 200, "what it calls is still there for it"
        assert process.wait(30) == 0


def test_who_asks_twice_does_not_wait(door: socket.socket, tmp_path: Path) -> None:
    with (
        (tmp_path / "said").open("w") as said,
        emulator_process(stderr=said) as (emulator, process),
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(call, emulator, door)
        with door.accept()[0]:
            process.send_signal(signal.SIGINT)
            assert until(lambda: "waiting for running" in (tmp_path / "said").read_text())
            process.send_signal(signal.SIGINT)
            assert answer.result()["errorMessage"].endswith("signal: killed")
            assert process.wait(30) == 0


def test_a_stop_that_cannot_keep_a_queue_says_so(tmp_path: Path) -> None:
    with emulator_process("--data-dir", str(tmp_path / "data")) as (emulator, process):
        emulator.client("sqs").create_queue(QueueName="orders")
        (tmp_path / "data/services/sqs.json.tmp").mkdir()  # where its file would be written
        process.terminate()
        assert process.wait(30) == 1
        assert process.stdout is not None
        said = json.loads(process.stdout.read())["error"]
    assert said["type"] == "NotKept"
    assert said["message"].startswith("what sqs held at the end was not kept in ")
