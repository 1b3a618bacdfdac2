"""Graphs with queues as deployed functions: as in-process, also while sandboxes are killed."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pelton.handlers.codec.plain import to_json
from pelton.pytest_plugin import RunningEmulator, running_emulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

APP = """
import asyncio
from typing import TypedDict

import pelton
from pelton import Graph, parallel, router, steps


class Order(TypedDict):
    name: str
    sizes: list[int]


def clean(order: Order) -> Order:
    return {"name": order["name"].strip(), "sizes": [size for size in order["sizes"] if size > 0]}

def sizes(order: Order) -> list[int]:
    return order["sizes"]

def square(n: int) -> int:
    return n * n

def some(numbers: list[int]) -> bool:
    return bool(numbers)

def total(numbers: list[int]) -> int:
    return sum(numbers)

async def most(numbers: list[int]) -> float:
    await asyncio.sleep(0)
    return max(numbers, default=0) / 3

def both(given: dict[str, object]) -> dict[str, object]:
    return given

def size(n: int) -> str:
    return "small" if n < 100 else "large"

def label(n: int) -> bytes:
    return f"no {n}".encode()

quick = {"window": 8, "attempts": 50, "backoff": 0}
line = (Graph("line", Order) >> clean >> steps.queue("a", **quick) >> sizes >> steps.map(square)
        >> steps.queue("b", **quick) >> steps.filter(some) >> total >> steps.queue("line-told"))
waits = (Graph("waits", Order) >> clean >> sizes >> steps.queue("c", key=some, **quick)
         >> parallel(total=total, most=most) >> steps.queue("waits-told"))
flow = (Graph("flow", Order).to(clean).to(sizes).to(steps.queue("e", **quick)).to(total)
        .to(steps.map(square), after="e").to(both, after=["total", "map"])
        .to(steps.queue("flow-told")))
first = (Graph("first", int) >> steps.queue("f", **quick) >> square
         >> router(size, {"small": label}, label) >> steps.queue("first-told"))

app = pelton.App("several")
for graph in (line, waits, flow, first):
    app.serve(graph, timeout=5)
"""


def deployed(emulator: RunningEmulator, folder: Path) -> Any:
    """The app's module, deployed from a folder."""
    (folder / "several_app.py").write_text(APP)
    command = [sys.executable, "-m", "pelton", "deploy", "several_app.py"]
    command += ["--endpoint", emulator.url]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sys.modules.pop("several_app", None)
    return import_module("several_app")


def send(emulator: RunningEmulator, name: str, value: Any) -> str | None:
    """The key of an event that was acknowledged; None when it was not."""
    client = emulator.client("lambda")
    told = client.invoke(FunctionName=name, Payload=json.dumps(value))
    if "FunctionError" in told:
        return None
    assert json.loads(told["Payload"].read())["message_id"]
    return str(told["ResponseMetadata"]["RequestId"])


def told(emulator: RunningEmulator, queue: str, keys: set[str]) -> dict[str, Any]:
    """The answers of these events, as they come to a queue."""
    sqs = emulator.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found, ends = dict[str, Any](), time.monotonic() + 120
    while keys - set(found) and time.monotonic() < ends:
        came = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2)
        for each in came.get("Messages", []):
            message = json.loads(each["Body"])
            found[message["key"]] = message["value"]
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return found


def asked(graph: Any, value: Any) -> Any:
    """What the graph answers in this process, as JSON."""
    return to_json(asyncio.run(graph.acall(value)))


def test_deployed_functions_answer_as_the_graphs_do(
    pelton_emulator: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    module = deployed(pelton_emulator, tmp_path)
    orders = [{"name": f" {n}", "sizes": list(range(1 - n, n + 1))} for n in range(1, 8)]
    for name in ("line", "waits", "flow", "first"):
        graph = getattr(module, name)
        values: list[Any] = list(range(5, 15)) if name == "first" else orders
        expected = {send(pelton_emulator, name, each): asked(graph, each) for each in values}
        assert None not in expected
        keys = {key for key in expected if key}
        assert told(pelton_emulator, f"{name}-told", keys) == expected


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = list[int]()
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def test_killed_sandboxes_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    chance, expected = random.Random(3), dict[str, Any]()
    before = set(children(os.getpid()))
    with running_emulator() as emulator:
        (pid,) = set(children(os.getpid())) - before
        module = deployed(emulator, tmp_path)
        killed = 0
        for number in range(60):
            value = {"name": str(number), "sizes": [number, 1]}
            key = send(emulator, "line", value)
            if key is not None:
                expected[key] = asked(module.line, value)
            if chance.random() < 0.2:
                sandboxes = [each for server in children(pid) for each in children(server)]
                if sandboxes:
                    os.kill(chance.choice(sandboxes), signal.SIGKILL)
                    killed += 1
        assert killed
        assert len(expected) > 30
        assert told(emulator, "line-told", set(expected)).items() >= expected.items()
