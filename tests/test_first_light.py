"""The platforms' own clients, knowing nothing of pelton, work against the emulator."""

import os
import subprocess
import sys
from pathlib import Path

from pelton.pytest_plugin import RunningEmulator

CLIENTS = Path(__file__).parent.parent / "examples" / "clients"


def run(script: str, *words: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(CLIENTS / script), *words],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_boto3_alone(pelton_emulator: RunningEmulator) -> None:
    assert run("only_boto3.py", AWS_ENDPOINT_URL=pelton_emulator.url).splitlines() == [
        "created: {'hello': 'world'}",
        "updated: {'bye': 'world'}",
        "alias live is version 1",
        "left: []",
    ]


def test_nuclio_jupyter_alone(pelton_emulator: RunningEmulator) -> None:
    lines = run("only_nuclio_jupyter.py", pelton_emulator.nuclio_url).splitlines()
    assert "answered: hello world" in lines
    assert lines[-1] == "left: []"
