"""The emulator under load: callers against sandboxes, idle sandboxes, many functions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any
from urllib.parse import urlsplit

from .bare import HANDLER, BareLoop
from .emulator import client, create, emulator
from .row import Row

ROUNDS, CALLS = 3, 1500
# callers, sandboxes (reserved concurrency; 0 is as many as there are callers), share of the bare
# loop's rate that must be reached.
LOADS = (
    (1, 1, 0.6),
    (2, 0, 0.6),
    (8, 0, 0.6),
    (32, 0, 0.6),
    (8, 1, 0.3),
    (8, 4, 0.5),
    (32, 4, 0.5),
)
IDLE, FUNCTIONS = 20, 200
SLOW = "import time\ndef handler(event, context):\n    time.sleep(0.5)\n"


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, BareLoop(Path(folder)) as bare:
        with emulator() as ready:
            rows = list(_loads(bare, ready["url"]))
        with emulator() as ready:
            rows += _idle(ready)
        with emulator("--data-dir", f"{folder}/data") as ready:
            rows += _many(ready)
        rows.append(_started(f"{folder}/data"))
    return rows


def _loads(bare: BareLoop, url: str) -> Iterator[Row]:
    lambda_ = client(url)
    for callers, sandboxes, share in LOADS:
        name = f"load-{callers}-{sandboxes}"
        create(lambda_, name, {"bare.py": HANDLER}, "bare.handler")
        if sandboxes:
            lambda_.put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=sandboxes
            )
        _load(url, name, callers, 200)
        found = [_paired(bare, url, name, callers) for _ in range(ROUNDS)]
        floor, ours = median(a for a, _ in found), median(b for _, b in found)
        ratio = median(b / a for a, b in found)
        what = f"{callers} caller{'s' * (callers > 1)}, {sandboxes or callers} sandbox(es), rate"
        yield Row(what, floor, ours, "/s", ratio, share, at_least=True)


def _paired(bare: BareLoop, url: str, name: str, callers: int) -> tuple[float, float]:
    """Calls a second of the bare loop, then of the emulator."""
    began = perf_counter()
    for _ in range(CALLS):
        bare.call()
    floor = CALLS / (perf_counter() - began)
    return floor, _load(url, name, callers, CALLS)["rate"]


def _load(url: str, name: str, callers: int, calls: int) -> dict[str, float]:
    parts = urlsplit(url)
    words = [str(each) for each in (parts.hostname, parts.port, name, callers, calls)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load_client", *words],
        check=True,
        capture_output=True,
        text=True,
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


def _idle(ready: dict[str, Any]) -> list[Row]:
    """Memory and processor time of sandboxes that wait; the floor is a bare interpreter's."""
    lambda_, pid = client(ready["url"]), ready["pid"]
    create(lambda_, "slow", {"slow.py": SLOW}, "slow.handler")
    lambda_.update_function_configuration(FunctionName="slow", Timeout=60)
    _load(ready["url"], "slow", IDLE, IDLE)
    own = median(_pss(each) for each in _below(pid) if not _children(each))
    bare = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    sleep(0.3)
    floor = _pss(bare.pid)
    bare.communicate(b"\n")
    before = _cpu(pid)
    sleep(3)
    idle = (_cpu(pid) - before) / 3 * 100
    return [
        Row(
            "memory of an idle sandbox, its share of shared pages", floor, own, "MB", own, 15, "MB"
        ),
        Row(f"processor of an emulator with {IDLE} idle sandboxes", 0, idle, "%", idle, 2, "%"),
    ]


def _many(ready: dict[str, Any]) -> list[Row]:
    """What a function costs that is only there: the first twenty against the last of 200."""
    lambda_, pid = client(ready["url"]), ready["pid"]
    memory, times = _pss(pid), []
    for index in range(FUNCTIONS):
        began = perf_counter()
        create(lambda_, f"many-{index}", {"bare.py": HANDLER}, "bare.handler")
        times.append((perf_counter() - began) * 1e3)
    first, last = median(times[:20]), median(times[-20:])
    each = (_pss(pid) - memory) / FUNCTIONS * 1024
    began = perf_counter()
    pages = lambda_.get_paginator("list_functions").paginate()
    count = sum(len(page["Functions"]) for page in pages)
    listed = (perf_counter() - began) * 1e3
    assert count == FUNCTIONS, count
    return [
        Row("creating the 200th function, over the first", first, last, "ms", last / first, 1.5),
        Row("listing 200 functions in pages of 50", first, listed, "ms", listed, 200, "ms"),
        Row("memory of the emulator a function", 0, each, "KB", each, 200, "KB"),
    ]


def _started(data: str) -> Row:
    """Starting with the 200 functions that are kept, over starting with none."""
    none, kept = [], []
    for _ in range(ROUNDS):
        with emulator() as ready:
            none.append(ready["ready_s"] * 1e3)
        with emulator("--data-dir", data) as ready:
            kept.append(ready["ready_s"] * 1e3)
    ratio = median(each / floor for floor, each in zip(none, kept, strict=True))
    return Row(
        "start with 200 functions kept, over none", median(none), median(kept), "ms", ratio, 1.5
    )


def _below(pid: int) -> list[int]:
    """The process ids below `pid`, however deep."""
    return [each for child in _children(pid) for each in (child, *_below(child))]


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(word) for task in tasks for word in (task / "children").read_text().split()]


def _pss(pid: int) -> float:
    """Megabytes of memory, every shared page divided among those who share it."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(text.partition("\nPss:")[2].split()[0]) / 1024


def _cpu(pid: int) -> float:
    """Seconds of processor that `pid` has used."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
