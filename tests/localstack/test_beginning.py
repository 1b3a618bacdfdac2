"""The first moments of an emulator, and where it keeps what it keeps."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pelton.localstack.emulator import Emulator
from pelton.localstack.lambda_.records import Call, Outcome
from pelton.pytest_plugin import RunningEmulator

from .in_loop import Idle, InLoop
from .nuclio_support import Client, document

FIRST = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AmazonSQS.ListQueues\r\n"
    b"Content-Type: application/x-amz-json-1.0\r\nContent-Length: 2\r\nConnection: close\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/sqs/aws4_request, "
    b"SignedHeaders=host, Signature=a\r\n\r\n{}"
)


def test_who_comes_before_all_is_loaded_waits() -> None:
    async def flow() -> bytes:
        emulator = Emulator(port=0, nuclio_port=0, execution=Nothing())
        starting = asyncio.create_task(emulator.start())
        while not emulator.url:
            await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(emulator.url.rpartition(":")[2])
        )
        try:
            writer.write(FIRST)
            return await reader.readline()
        finally:
            writer.close()
            await starting
            await emulator.stop()

    assert asyncio.run(flow()).split()[1] == b"200"


def test_a_data_directory_may_be_said_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of a build run elsewhere."""
    monkeypatch.chdir(tmp_path)
    running = InLoop(Nothing(), data_dir=Path("data"))
    client = Client(RunningEmulator(running.url, running.emulator.nuclio_url))
    try:
        status = client.deploy(document("built", build={"commands": ["python --version"]}))
        assert status["state"] == "ready", status["message"]
    finally:
        client.close()
        running.close()


class Nothing(Idle):
    async def invoke(self, call: Call) -> Outcome:
        raise AssertionError("nothing is invoked here")
