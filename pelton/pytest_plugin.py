"""pytest fixtures for people who test functions: the emulator, wiped between tests."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class RunningEmulator:
    """An emulator in a process of its own: where AWS and Nuclio are."""

    url: str
    nuclio_url: str
    region: str = "us-east-1"

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client of the service, with dummy credentials: without `config`, always the same.

        config: more of botocore's `Config`, such as `retries={"max_attempts": 0}`
        """
        make = _client.__wrapped__ if config else _client
        return make(service, self.url, self.region, **config)

    def calls(self) -> list[dict[str, Any]]:
        """The calls of AWS that functions made until now, resets or not."""
        from .testing import open_directly

        with open_directly(f"{self.url}/_pelton/calls") as answer:
            found: list[dict[str, Any]] = json.load(answer)["calls"]
        return found

    def reset(self) -> None:
        """Wipe functions, queues, buckets and everything else."""
        from .testing import open_directly

        request = urllib.request.Request(f"{self.url}/_pelton/reset", data=b"", method="POST")
        with open_directly(request):
            pass

    def time(self) -> float:
        """The emulator's time, in seconds since the epoch."""
        from .testing import open_directly

        with open_directly(f"{self.url}/_pelton/clock") as answer:
            return float(json.load(answer)["time"])

    def advance(self, seconds: float) -> float:
        """Move the manual clock on; what was due on the way is done, in order.  The time then.

        Raises RuntimeError where the emulator goes by the machine's clock, and when something
        under way does not come to rest (it is named).
        """
        from .testing import advance

        return advance(self.url, seconds)


@lru_cache(maxsize=64)  # to make one takes longer than most of its calls do
def _client(service: str, url: str, region: str, **config: Any) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        # No proxy of the environment leads to this machine.
        config=Config(proxies={}, **config),
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@contextmanager
def running_emulator(*options: str) -> Iterator[RunningEmulator]:
    """An emulator in a process of its own, on free ports, with options of `pelton emulator`."""
    command = [sys.executable, "-m", "pelton", "emulator", "--port", "0", "--nuclio-port", "0"]
    command += [*options, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"`{' '.join(command)}` did not start; its error is above")
        ready = json.loads(line)
        try:
            yield RunningEmulator(ready["url"], ready["nuclio_url"])
        finally:
            process.terminate()
            process.wait(30)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pelton-calls",
        metavar="FILE",
        default="",
        help="Keep the calls of AWS that functions made, for `pelton policy`.",
    )
    parser.addoption(
        "--pelton-nuclio-wrapper",
        metavar="PATH",
        default="",
        help="Nuclio's own _nuclio_wrapper.py, or its folder, for the workers of the fixtures' "
        "emulators.",
    )


def _wrapper(request: pytest.FixtureRequest) -> list[str]:
    path = request.config.getoption("--pelton-nuclio-wrapper")
    return ["--nuclio-wrapper", path] if path else []


def keep_calls(calls: list[dict[str, Any]], path: Path) -> None:
    """Add calls to those that a file has; several processes may do that at once."""
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = json.loads(file.read() or '{"calls": []}')["calls"]
        plain = [{k: v for k, v in each.items() if k not in ("done", "failed")} for each in calls]
        known += [each for each in plain if each not in known]
        file.truncate(0)
        file.write(json.dumps({"calls": known}, indent=1) + "\n")


@pytest.fixture(scope="session")
def pelton_emulator_process(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    """One emulator for the whole session, on free ports."""
    with running_emulator(*_wrapper(request)) as emulator:
        yield emulator
        if path := request.config.getoption("--pelton-calls"):
            keep_calls(emulator.calls(), Path(path))


@pytest.fixture
def pelton_emulator(pelton_emulator_process: RunningEmulator) -> RunningEmulator:
    """The emulator, empty."""
    pelton_emulator_process.reset()
    return pelton_emulator_process


@pytest.fixture(scope="session")
def pelton_manual_process(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    """One emulator with a manual clock for the whole session; its time begins at 2026."""
    clock = ("--clock", "manual@2026-01-01T00:00:00")
    with running_emulator(*clock, *_wrapper(request)) as emulator:
        yield emulator


@pytest.fixture
def pelton_manual_emulator(pelton_manual_process: RunningEmulator) -> RunningEmulator:
    """An empty emulator whose time stands still until the test calls its `advance`."""
    pelton_manual_process.reset()
    return pelton_manual_process
