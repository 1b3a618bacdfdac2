"""Nuclio's HTTP trigger under load, beside what Python serves HTTP with.

A document of one kilobyte goes in as JSON and comes back as JSON. The floor is a bare uvicorn echo;
the peer is a framework that serves a function. The bounds are what the real Nuclio processor, which
is written in Go, reached beside the same echo on a machine of two cores.
"""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from .bench_peers import PEERS, Missing, environment
from .emulator import emulator
from .row import Row

ROUNDS, REQUESTS = 3, 4000
# workers, connections; share of the echo's rate that must be reached (0: only told)
LOADS = ((1, 1, 0.0), (1, 8, 0.16), (1, 32, 0.16), (2, 1, 0.0), (2, 8, 0.22), (2, 32, 0.22))
FRAMEWORKS = {
    "functions-framework": "functions_framework_echo.py",
    "bentoml": "bentoml_echo.py",
    "mlserver": "mlserver_echo.py",
}
HANDLER = "def handler(context, event):\n    return event.body\n"
APP = """
import pelton
app = pelton.App("echo")

@app.function(triggers=[pelton.http("POST", "/")])
def echo(document: dict[str, object]) -> dict[str, object]:
    return document
"""


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, echo() as floor:
        with emulator("--data-dir", f"{folder}/data") as ready:
            rows = list(_trigger(floor, ready["nuclio_url"]))
        rows += _run(floor, Path(folder))
        rows += _peers(Path(folder))
    return rows


def _trigger(floor: int, url: str) -> Iterator[Row]:
    ports = {workers: deployed(url, workers) for workers in (1, 2)}
    for workers, connections, share in LOADS:
        found = [_paired(floor, ports[workers], connections) for _ in range(ROUNDS)]
        what = (
            f"Nuclio HTTP trigger, {_many(connections, 'connection')}, {_many(workers, 'worker')}"
        )
        told = f"over a uvicorn echo ({_waits(found)})"
        if share:
            yield _rate(f"{what}, {told}", found, share)
        else:
            yield _latency(f"{what}: p50, {told}", found, "p50_ms", 3.0)


def _run(floor: int, folder: Path) -> Iterator[Row]:
    """`pelton run` with the function in its own process."""
    (folder / "echo_app.py").write_text(APP)
    with served([sys.executable, "-m", "pelton", "run", "echo_app.py", "--port"], folder) as port:
        found = [_paired(floor, port, 8) for _ in range(ROUNDS)]
    yield _rate("pelton run, 8 connections, over a uvicorn echo", found, 0.5)


def _peers(folder: Path) -> Iterator[Row]:
    """Ours with one worker over each framework, in the same run; above 1 it is ahead."""
    with emulator("--data-dir", f"{folder}/peers") as ready:
        ours = deployed(ready["nuclio_url"], 1)
        for peer, script in FRAMEWORKS.items():
            try:
                python = str(environment(peer))
                with served([python, str(PEERS / script)], folder) as theirs:
                    found = [_paired(theirs, ours, 8) for _ in range(ROUNDS)]
            except Missing as missing:
                print(missing, file=sys.stderr)
                continue
            yield _rate(f"Nuclio HTTP trigger, 8 connections, 1 worker, over {peer}", found, 1.0)


# -- pairs
Found = tuple[dict[str, float], dict[str, float]]


def _paired(floor: int, ours: int, connections: int) -> Found:
    return load(floor, connections), load(ours, connections)


def _rate(what: str, found: list[Found], bound: float) -> Row:
    ratio = median(b["rate"] / a["rate"] for a, b in found)
    floor, ours = (median(each[n]["rate"] for each in found) for n in (0, 1))
    return Row(what, floor, ours, "/s", ratio, bound, at_least=True)


def _latency(what: str, found: list[Found], name: str, bound: float) -> Row:
    ratio = median(b[name] / a[name] for a, b in found)
    floor, ours = (median(each[n][name] for each in found) for n in (0, 1))
    return Row(what, floor, ours, "ms", ratio, bound)


def _waits(found: list[Found]) -> str:
    """What has no bound of its own: medians of the rounds."""
    floor, ours = (
        {name: median(each[n][name] for each in found) for name in ("rate", "p50_ms", "p99_ms")}
        for n in (0, 1)
    )
    return (
        f"{ours['rate']:,.0f} /s, p50 {ours['p50_ms']:.2f} ms, p99 {ours['p99_ms']:.2f} ms; "
        f"the echo {floor['p50_ms']:.2f} and {floor['p99_ms']:.2f} ms"
    )


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count > 1)}"


def load(port: int, connections: int, requests: int = REQUESTS) -> dict[str, float]:
    words = ["127.0.0.1", str(port), str(connections), str(requests)]
    command = [sys.executable, "-m", "benchmarks.http_load", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


# -- servers
@contextmanager
def echo() -> Iterator[int]:
    with served([sys.executable, str(PEERS / "uvicorn_echo.py")], Path.cwd()) as port:
        yield port


@contextmanager
def served(command: list[str], folder: Path) -> Iterator[int]:
    """The port that a command listens on, which is its last word; it is ended at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # a line a request
    with subprocess.Popen([*command, str(port)], cwd=folder, **quiet) as process:
        try:
            _await(port, process)
            load(port, 1, 100)
            yield port
        finally:
            process.terminate()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise Missing(f"{process.args!r} did not come to listen")


def deployed(url: str, workers: int) -> int:
    """The port of an echo function with so many workers, warm."""
    name = f"echo-{workers}"
    spec: dict[str, Any] = {
        "runtime": "python",
        "handler": "main:handler",
        "build": {"functionSourceCode": base64.b64encode(HANDLER.encode()).decode()},
        "triggers": {"http": {"kind": "http", "numWorkers": workers}},
    }
    document = json.dumps({"metadata": {"name": name}, "spec": spec}).encode()
    request = urllib.request.Request(
        f"{url}/api/functions", document, {"x-nuclio-wait-function-action": "true"}
    )
    urllib.request.urlopen(request).close()
    with urllib.request.urlopen(f"{url}/api/functions/{name}") as answer:
        port: int = json.load(answer)["status"]["httpPort"]
    load(port, 8, 500)
    return port
