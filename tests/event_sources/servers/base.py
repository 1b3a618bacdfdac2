"""What every server is to a test: started on a port of its own, killed, started again with what it
had on disk."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from ...ports import free_port

PATIENCE = 60.0  # seconds for a server to answer on a machine that is busy


class Stops(Protocol):
    """What a test has to stop."""

    def stop(self) -> None: ...


Running = TypeVar("Running", bound=Stops)


def running(
    make: Callable[[Path], Running], folders: pytest.TempPathFactory, name: str
) -> Iterator[Running]:
    """A fixture's server, in a folder of its own."""
    server = make(folders.mktemp(name))
    yield server
    server.stop()


class Server:
    """A broker's process.  A kind says its program, its arguments and its URL.

    program:  of the environment or of the machine;  package: what brings it
    patience: seconds for it to answer
    """

    program = ""
    package = ""
    patience = PATIENCE

    def __init__(self, folder: Path) -> None:
        found = self.find()
        if found is None:
            pytest.skip(f"there is no {self.program}: install {self.package}")
        self.path, self.folder, self.port = found, folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def find(self) -> str | None:
        """The program's path; None where it is not on this machine."""
        return find(self.program)

    def environment(self) -> Mapping[str, str] | None:
        """What the process runs in; None for what the tests run in."""
        return None

    @property
    def url(self) -> str:
        raise NotImplementedError

    def arguments(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        """On its port and folder; back when it takes connections."""
        self._process = subprocess.Popen(
            [self.path, *self.arguments()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env=self.environment(),
        )
        deadline = time.monotonic() + self.patience
        while not self.answers():
            assert self._process.poll() is None, f"{self.program} has ended"
            assert time.monotonic() < deadline, f"{self.program} does not answer"
            time.sleep(0.01)

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it at once; what it has on disk stays."""
        self._end(signal.SIGKILL)

    def stand_still(self) -> None:
        """Answer nothing, until it is to go on."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def read_anew(self) -> None:
        """Its settings, where it takes that signal so."""
        self._signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it as its system would."""
        if self._process is not None:
            self._end(signal.SIGTERM)

    def _signal(self, which: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(which)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._signal(how)
        self._process.wait(PATIENCE)
        self._process = None


def find(program: str) -> str | None:
    """A program of the environment, or of the machine."""
    beside = Path(sys.executable).with_name(program)
    return str(beside) if beside.exists() else shutil.which(program)
