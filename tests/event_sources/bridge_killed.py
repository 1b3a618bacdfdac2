"""A bridge of a Nuclio function that is killed in the middle of its work, and another after it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pelton.pytest_plugin import RunningEmulator

from ..deploy.commands import Run, commands_at
from .bench import until


class KilledBridge:
    """An app whose function writes a line for each message into a file.

    source: the app's, with SEEN in the place of that file's name
    """

    def __init__(self, emulator: RunningEmulator, folder: Path, source: str) -> None:
        self._emulator, self._folder, self._seen = emulator, folder, folder / "seen"
        text = source.replace('"SEEN": SEEN', f'"SEEN": {json.dumps(str(self._seen))}')
        (folder / "shop.py").write_text(text)
        self.shop: Run = commands_at(emulator, folder)
        done = self.shop("deploy", "shop.py", "--on", "nuclio")
        assert done.returncode == 0, done.stderr

    def lines(self) -> list[str]:
        """What the function has written."""
        return self._seen.read_text().splitlines() if self._seen.exists() else []

    def run(self, middle: str, last: str, *words: str) -> list[str]:
        """All lines: a bridge is killed at the line `middle`, another goes on until `last`."""
        with self._bridge(words) as first:
            asyncio.run(until(lambda: middle in self.lines()))
            first.send_signal(signal.SIGKILL)
        with self._bridge(words) as second:
            asyncio.run(until(lambda: last in self.lines()))
            second.send_signal(signal.SIGINT)
            assert second.wait(30) == 0
        return self.lines()

    @contextlib.contextmanager
    def _bridge(self, words: tuple[str, ...]) -> Iterator[subprocess.Popen[bytes]]:
        command = [
            *(sys.executable, "-m", "pelton", "bridge", "shop.py", "--on", "nuclio", *words),
            *("--lease", "3", "--endpoint", self._emulator.url),
            *("--nuclio-endpoint", self._emulator.nuclio_url),
        ]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, cwd=self._folder, stdout=quiet) as running:
            try:
                yield running
            finally:
                running.kill()  # nobody waits for one that a failed test has left
