"""`pelton` commands that come to their end, and what they said."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from pelton.pytest_plugin import RunningEmulator

from ..forked import Forked

Run = Callable[..., subprocess.CompletedProcess[str]]

LONGEST = 110  # seconds: less than a test may take


def commands_at(emulator: RunningEmulator, folder: Path) -> Run:
    """`run_command` in `folder` for what is deployed to an emulator, on both of its platforms."""
    where = ["--endpoint", emulator.url, "--nuclio-endpoint", emulator.nuclio_url]
    return lambda *words: run_command([*words, *where], folder)


def run_command(words: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """`pelton WORDS...` in `cwd`: its exit code and what it wrote."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = Forked(words, cwd, stdout=out, stderr=err)
        try:
            code = process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        for each in (out, err):
            each.seek(0)
        return subprocess.CompletedProcess(words, code, out.read(), err.read())
