"""Commands as people run them: in a process of their own, read line by line, ended by a signal."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ..forked import Forked


class RunningCommand:
    """A `pelton` command under way; what it prints is kept and can be waited for."""

    def __init__(self, words: tuple[str, ...], folder: Path) -> None:
        self.process = Forked(words, folder, stderr=subprocess.STDOUT, leads=True)
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def line(self, wanted: str, seconds: float = 60) -> str:
        """The next line that holds `wanted`; fails with all that was said."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                break
            self.said.append(line)
            if wanted in line:
                return line
        raise AssertionError(f"{wanted!r} was not said; it said:\n{''.join(self.said)}")

    def end(self, number: int = signal.SIGINT, seconds: float = 30) -> tuple[int, list[str]]:
        """Send the signal, wait for the end: the exit code, and what is left of its processes."""
        tree = self.tree()
        self.process.send_signal(number)
        return self.process.wait(seconds), alive(tree)

    def tree(self) -> dict[int, str]:
        """The command's process and all that came of it, alive now: when each began, by pid."""
        parents, began = _processes()
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return {pid: began[pid] for pid in found if pid in began}


def alive(tree: dict[int, str], seconds: float = 10) -> list[str]:
    """Those of `tree` that still live after `seconds` at the most: their command lines."""
    end = time.monotonic() + seconds
    while True:
        _, began = _processes()
        left = [pid for pid, when in tree.items() if began.get(pid) == when]
        if not left or time.monotonic() > end:
            return [_line(pid) for pid in left]


def _processes() -> tuple[dict[int, int], dict[int, str]]:
    """(parent, time of beginning) of every process that has not ended, by pid."""
    parents, began = {}, {}
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent, *rest = (place / "stat").read_text().rpartition(")")[2].split()
            if state != "Z":
                parents[int(place.name)], began[int(place.name)] = int(parent), rest[17]
    return parents, began


def _line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return str(pid)


Start = Callable[..., RunningCommand]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command in the test's own folder; what still runs at the end is killed."""
    running: list[RunningCommand] = []

    def start(*words: str) -> RunningCommand:
        running.append(RunningCommand(words, tmp_path))
        return running[-1]

    yield start
    for each in running:
        for pid in each.tree():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        each.process.wait()
        each.reader.join(30)  # it reads to the end of what all of them have said
        assert each.process.stdout is not None
        each.process.stdout.close()
