"""Three trivial steps in storey and in an MLRun serving graph, each in its own environment, and in
a graph of ours beside them.

A peer's environment is made of its pinned, hashed requirements and kept in the user's cache; a peer
that cannot be installed (offline) is left out, and it is said why.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from pelton import Graph

from .row import Row

PEERS = Path(__file__).parent / "peers"
CACHE = Path.home() / ".cache" / "pelton" / "peers"
EVENTS, ROUNDS = 2000, 20


def first(value: int) -> int:
    return value + 1


def second(value: int) -> int:
    return value * 2


def third(value: int) -> int:
    return value - 3


async def third_later(value: int) -> int:
    return value - 3


class Missing(Exception):
    """A peer that cannot be measured here, and why."""


def environment(peer: str) -> Path:
    """The Python of a peer's environment, made when it is not there.  Raises `Missing`."""
    requirements = PEERS / f"{peer}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"{peer}-{digest}-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        uv = str(Path(sys.executable).parent / "uv")
        _run(peer, uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        options = ["--quiet", "--python", str(python), "--require-hashes", "--no-deps"]
        _run(peer, uv, "pip", "install", *options, "-r", str(requirements))
        (folder / "complete").touch()
    return python


def _run(peer: str, *command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise Missing(f"{peer} is left out: {last:.200}")
    return done.stdout


def measured(peer: str, script: str) -> dict[str, float]:
    """Microseconds an event, as a peer's script prints them.  Raises `Missing`."""
    lines = _run(peer, str(environment(peer)), str(PEERS / script)).strip().splitlines()
    found: dict[str, float] = json.loads(lines[-1])
    return found


def plain() -> float:
    """Microseconds an event of three plain steps."""
    graph: Graph[Any, Any] = Graph("three", int) >> first >> second >> third
    graph.load()

    def once() -> float:
        start = perf_counter()
        for value in range(EVENTS):
            graph(value)
        return (perf_counter() - start) / EVENTS * 1e6

    return min(once() for _ in range(ROUNDS))


def waiting() -> float:
    """The same on a loop, the last step one that waits."""
    graph: Graph[Any, Any] = Graph("three", int) >> first >> second >> third_later
    graph.load()

    async def once() -> float:
        start = perf_counter()
        for value in range(EVENTS):
            await graph(value)
        return (perf_counter() - start) / EVENTS * 1e6

    return min(asyncio.run(once()) for _ in range(ROUNDS))


def measure() -> list[Row]:
    """Microseconds an event."""
    rows: list[Row] = []
    try:
        storey = measured("storey", "storey_maps.py")
        rows.append(_row("three maps on a loop; storey, async source", storey["async"], waiting()))
        rows.append(_row("three maps; storey, sync source", storey["sync"], plain()))
    except Missing as why:
        print(why, file=sys.stderr)
    try:
        mlrun = measured("mlrun", "mlrun_steps.py")
        rows.append(_row("three steps; MLRun, mock server", mlrun["sync"], plain()))
    except Missing as why:
        print(why, file=sys.stderr)
    return rows


def _row(what: str, peer: float, ours: float) -> Row:
    fast = "times as fast"
    return Row(what, peer, ours, "µs", value=peer / ours, bound=1.0, says=fast, at_least=True)
