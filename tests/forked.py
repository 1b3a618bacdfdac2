"""`pelton` commands, and pytest, as a shell runs them: each in a process of its own, with its own
folder, environment and output, but forked from one that has imported what they need, which is most
of a command's time.

That one is started when a run of tests first needs it, and ends with it; what it imports is in
`preloaded`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from io import TextIOWrapper
from multiprocessing import get_context
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any, Self, cast

import pytest

NEEDED = ["tests.preloaded"]


def _pelton() -> object:
    from pelton.cli import main

    return main()


MAINS: dict[str, Callable[[], object]] = {"pelton": _pelton, "pytest": pytest.console_main}


class Forked:
    """`python -m PROGRAM WORDS...` under way: of `subprocess.Popen`, what tests ask for.

    environment:    in the place of this process's own
    stdout, stderr: files of this process that it writes to; without the first, `stdout` is a pipe
    leads:          whether it has a session of its own
    """

    def __init__(
        self,
        words: list[str] | tuple[str, ...],
        cwd: Path | None = None,
        *,
        stdout: IO[Any] | None = None,
        stderr: IO[Any] | int | None = None,
        environment: Mapping[str, str] | None = None,
        leads: bool = False,
        program: str = "pelton",
    ) -> None:
        self.args = (program, *words)
        self.returncode: int | None = None
        read_end, write_end = (None, stdout.fileno()) if stdout else os.pipe()
        told = write_end if stderr == subprocess.STDOUT else _number(stderr)
        starter = get_context("forkserver")
        starter.set_forkserver_preload(NEEDED)
        outputs = (_Given(write_end), _Given(told))
        given = dict(os.environ if environment is None else environment)
        self._process = starter.Process(
            target=_command, args=(self.args, str(cwd or Path.cwd()), given, outputs, leads)
        )
        try:
            self._process.start()
        finally:
            if read_end is not None:
                os.close(write_end)
        assert self._process.pid is not None
        self.pid: int = self._process.pid
        self.stdout: IO[str] | None = None if read_end is None else os.fdopen(read_end)

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self.returncode is None and (code := self._process.exitcode) is not None:
            self.returncode = code
            self._process.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code at its end; raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            self._process.join(timeout)
        if (code := self.poll()) is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.stdout is not None:
            self.stdout.close()
        self.wait()


def _number(file: IO[Any] | int | None) -> int:
    return 2 if file is None else file if isinstance(file, int) else file.fileno()


class _Given:
    """A descriptor that the new process has as well."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Callable[[Any], int], tuple[Any]]:
        return _taken, (DupFd(self.number),)


def _taken(passed: Any) -> int:
    return int(passed.detach())


def _command(
    words: tuple[str, ...],
    cwd: str,
    environment: Mapping[str, str],
    outputs: tuple[int, int],
    leads: bool,
) -> None:
    """In the new process: be what `python -m PROGRAM` is in a shell."""
    if leads:
        os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # as the environment says
    os.chdir(cwd)
    for number, given in enumerate(outputs, 1):
        os.dup2(given, number)
    for given in set(outputs):
        os.close(given)
    # As for any pipe or file, whatever the environment of this run of tests says.
    assert isinstance(sys.stdout, TextIOWrapper)
    sys.stdout.reconfigure(write_through=False, line_buffering=False)
    sys.path.insert(0, "")
    sys.argv = list(words)
    try:
        sys.exit(cast("int | None", MAINS[words[0]]()))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
