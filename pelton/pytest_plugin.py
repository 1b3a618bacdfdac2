"""pytest fixtures for people who test functions: the emulator, wiped between tests."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class RunningEmulator:
    """An emulator in a process of its own: where AWS and Nuclio are."""

    url: str
    nuclio_url: str
    region: str = "us-east-1"

    def client(self, service: str) -> Any:
        """A boto3 client of the service, with dummy credentials."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def reset(self) -> None:
        """Wipe functions, queues, buckets and everything else."""
        request = urllib.request.Request(f"{self.url}/_pelton/reset", data=b"", method="POST")
        with urllib.request.urlopen(request, timeout=60):
            pass


@pytest.fixture(scope="session")
def pelton_emulator_process() -> Iterator[RunningEmulator]:
    """One emulator for the whole session, on free ports."""
    command = [sys.executable, "-m", "pelton", "emulator", "--port", "0", "--nuclio-port", "0"]
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"`{' '.join(command)}` did not start; its error is above")
        ready = json.loads(line)
        yield RunningEmulator(ready["url"], ready["nuclio_url"])
        process.terminate()
        process.wait(30)


@pytest.fixture
def pelton_emulator(pelton_emulator_process: RunningEmulator) -> RunningEmulator:
    """The emulator, empty."""
    pelton_emulator_process.reset()
    return pelton_emulator_process
