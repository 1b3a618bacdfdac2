"""Whatever waits or tells time asks the Clock: every other use of time is listed here, with why.

A new use fails this test until it goes by the clock (`localstack/clock.py`), or stands here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LOCALSTACK = Path(__file__).parents[2] / "localstack"

PROCESS = "how long a real process takes: it has the machine's time"
MEASURED = "a duration that is measured and told (REPORT, Init Duration)"
CHILD = "a child's own program: it has the machine's time and no clock of ours"
ENGINE = "how long a container engine takes: it is a real program"
FORMS = "writes down a time that it is given"
# (file, use) -> why it does not ask the emulator's clock
REAL = {
    ("api_seam.py", "time.time"): "of ministack's module, whose `time` is the emulator's clock",
    ("nuclio/pool.py", "MACHINE.call_later"): PROCESS,
    ("nuclio/pool.py", "time.monotonic"): PROCESS,
    ("nuclio/worker_process.py", "MACHINE.call_later"): PROCESS,
    ("nuclio/worker.py", "MACHINE.sleep"): PROCESS,
    ("nuclio/resources/function_invocations.py", "asyncio.timeout"): PROCESS,
    ("nuclio/environments.py", "asyncio.timeout"): PROCESS,
    ("nuclio/environments.py", "time.time"): "how old a file is: files have the machine's time",
    ("nuclio/entries/git.py", "asyncio.timeout"): PROCESS,
    ("nuclio/worker.py", "asyncio.wait_for"): PROCESS,
    ("nuclio/worker.py", "time.monotonic"): PROCESS,
    ("lambda_/sandbox.py", "MACHINE.call_later"): PROCESS,
    ("lambda_/calls.py", "MACHINE.time"): "a trace's beginning: its segments are of real processes",
    ("lambda_/invocations.py", "MACHINE.time"): "the deadline that a process is told",
    ("lambda_/memory_watch.py", "MACHINE.sleep"): "memory of real processes is sampled",
    ("lambda_/memory_watch.py", "time.perf_counter"): MEASURED,
    ("lambda_/invocations.py", "time.perf_counter"): MEASURED,
    ("lambda_/sandbox.py", "time.perf_counter"): MEASURED,
    ("lambda_/shared_sandbox.py", "MACHINE.call_later"): PROCESS,
    ("lambda_/sandbox.py", "MACHINE.time"): "how late an engine may bring what was printed",
    ("lambda_/sandbox.py", "MACHINE.sleep"): "how late an engine may bring what was printed",
    ("lambda_/invocations.py", "MACHINE.sleep"): "real processes are at work when it is to stop",
    ("lambda_/containers/container.py", "MACHINE.sleep"): ENGINE,
    ("lambda_/containers/container.py", "asyncio.wait_for"): ENGINE,
    ("lambda_/containers/engine.py", "asyncio.wait_for"): ENGINE,
    ("lambda_/containers/guard.py", "time.sleep"): CHILD,
    ("lambda_/sandbox_process.py", "time.perf_counter"): "how old a reading of memory is",
    ("lambda_/deadlines.py", "MACHINE.call_later"): PROCESS,
    ("lambda_/deadlines.py", "time.perf_counter"): PROCESS,
    ("lambda_/sandbox_process.py", "MACHINE.time"): "how long a real process has for its end",
    ("lambda_/sandbox_process.py", "MACHINE.sleep"): "how long a real process has for its end",
    (
        "lambda_/freezing.py",
        "MACHINE.sleep",
    ): "real processes are stopped after it",
    ("lambda_/endings.py", "time.perf_counter"): MEASURED,
    ("lambda_/extensions/crew.py", "MACHINE.time"): "how long real programs have for their end",
    ("lambda_/extensions/crew.py", "MACHINE.sleep"): "how long real programs have for their end",
    ("lambda_/telemetry/subscriber.py", "MACHINE.call_later"): "a listener is a real process",
    ("lambda_/telemetry/subscriber.py", "MACHINE.sleep"): "a listener is a real process",
    ("lambda_/telemetry/subscriber.py", "MACHINE.time"): "a listener is a real process",
    ("lambda_/logs.py", "MACHINE.sleep"): "the Logs service is being loaded",
    ("lambda_/fork_child.py", "time.monotonic"): CHILD,
    ("lambda_/fork_child.py", "time.sleep"): CHILD,
    ("nuclio/worker_child.py", "time.time"): CHILD,
    ("lambda_/urls.py", "time.strftime"): FORMS,
    ("lambda_/urls.py", "time.gmtime"): FORMS,
    ("signatures/check.py", "MACHINE.time"): "clients sign with their machine's time",
    ("bell.py", "asyncio.wait_for"): "by the machine's clock only: a pause that a ring ends",
}
# The clocks themselves, and the seam that hands it to the embedded services.
APART = {"clock.py", "manual_clock.py", "services_time.py"}
WAITS = {
    "asyncio": {"sleep", "timeout", "timeout_at", "wait_for"},
    "time": {
        "time", "time_ns", "sleep", "monotonic", "monotonic_ns", "perf_counter", "gmtime",
        "localtime", "strftime", "ctime",
    },
    "threading": {"Timer"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "MACHINE": {"time", "sleep", "call_later", "pause"},
}  # fmt: skip
OF_LOOPS = {"call_later", "call_at", "time"}
NAMES = OF_LOOPS.union(*WAITS.values())


def uses(tree: ast.AST) -> Iterator[str]:
    """Every use of time in a module: "time.sleep", or "loop.call_later" of an event loop."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if (name := node.func.attr) not in NAMES:
            continue
        whose = ast.unparse(node.func.value)
        last = whose.rpartition(".")[2]
        if name in WAITS.get(last, ()):
            yield f"{last}.{name}"
        elif name in OF_LOOPS and "loop" in whose:
            yield f"loop.{name}"


def found() -> set[tuple[str, str]]:
    return {
        (str(path.relative_to(LOCALSTACK)), use)
        for path in LOCALSTACK.rglob("*.py")
        if path.name not in APART
        for use in uses(ast.parse(path.read_text()))
    }


@pytest.mark.fidelity(
    "Clock",
    "everything that waits goes by one clock",
    different="but for what real processes take, use by use in the test's own list",
)
def test_every_other_use_of_time_is_listed() -> None:
    here = found()
    unlisted = sorted(here - set(REAL))
    assert unlisted == []
    assert sorted(set(REAL) - here) == []


def test_what_the_audit_sees() -> None:
    seen = "import time\ntime.sleep(1)\nasyncio.get_running_loop().call_later(1, f)\nclock.time()"
    assert list(uses(ast.parse(seen))) == ["time.sleep", "loop.call_later"]
