"""Brokers for benchmarks, each in a process of its own that ends with the measuring."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.event_sources.servers.base import Server


@contextmanager
def nats_server() -> Iterator[str]:
    """With JetStream; its address."""
    with server("nats-server", "-a", "127.0.0.1", "-js", "-sd", "{folder}", "-p") as port:
        yield f"nats://127.0.0.1:{port}"


@contextmanager
def redis_server() -> Iterator[str]:
    """Its address."""
    with server("redis-server", "--bind", "127.0.0.1", "--save", "", "--port") as port:
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def server(program: str, *arguments: str) -> Iterator[int]:
    """A server of the environment on a free port; its folder is "{folder}" in the arguments."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port = int(made.getsockname()[1])
    beside = Path(sys.executable).with_name(program)
    path = str(beside) if beside.exists() else shutil.which(program)
    assert path is not None, f"there is no {program}"
    with tempfile.TemporaryDirectory() as folder:
        given = [each.format(folder=folder) for each in arguments]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        running = subprocess.Popen([path, *given, str(port)], **quiet)  # type: ignore[call-overload]
        try:
            _answers(port)
            yield port
        finally:
            running.kill()
            running.wait()


@contextmanager
def of_tests(kind: type[Server]) -> Iterator[str]:
    """A server as the tests have it; its address."""
    with tempfile.TemporaryDirectory() as folder:
        running = kind(Path(folder))
        try:
            yield running.url
        finally:
            running.stop()


def _answers(port: int) -> None:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.01)
