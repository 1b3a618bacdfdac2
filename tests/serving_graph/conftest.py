"""A JetStream server to be used and to be killed; modules that processes can import."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest

from ..ports import free_port


class JetStream:
    """A nats-server that keeps its streams in a folder, over a kill as well."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        program = Path(sys.executable).with_name("nats-server")
        options = ["-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder)]
        process = subprocess.Popen([program, *options], stderr=subprocess.PIPE)
        assert process.stderr is not None
        for line in process.stderr:
            if b"Server is ready" in line:
                break
        # What it says later is read by nobody; it says little.
        return process

    def kill(self) -> None:
        """End it at once, and start it again on the same port and folder."""
        self.process.send_signal(signal.SIGKILL)
        self._gone()
        self.process = self._start()

    def stop(self) -> None:
        self.process.terminate()
        self._gone()

    def _gone(self) -> None:
        self.process.wait(30)
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture(scope="session")
def jetstream_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JetStream]:
    server = JetStream(tmp_path_factory.mktemp("jetstream"))
    yield server
    server.stop()


_numbers = count()
Module = Callable[[str], ModuleType]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    """Writes a module that this process and others can import."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(source: str) -> ModuleType:
        name = f"graph_of_a_test_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(source)
        return import_module(name)

    return make
