"""What a plan costs when nothing has changed: a hundred functions, by the command, against the
same functions read one after another with boto3 alone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from .emulator import client, emulator
from .row import Row

FUNCTIONS, TIMES = 100, 5
APP = f"""
import pelton

app = pelton.App("many")

def add(number: int) -> None:
    trigger = pelton.http("POST", f"/f{{number}}") if number % 2 else pelton.cron(every="1h")

    @app.function(name=f"f{{number}}", timeout=5, triggers=[trigger])
    def more(n: int) -> int:
        return n + number

for number in range({FUNCTIONS}):
    add(number)
"""


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as name, emulator() as ready:
        (Path(name) / "many_app.py").write_text(APP)
        _pelton(name, ready["url"], "deploy", expected=0)
        _pelton(name, ready["url"], "plan", expected=0)
        pairs = [
            (_read(ready["url"]), _pelton(name, ready["url"], "plan", expected=0))
            for _ in range(TIMES)
        ]
    floor, ours = zip(*pairs, strict=True)
    what = f"plan of {FUNCTIONS} functions without a change"
    return [Row(what, median(floor), median(ours), "s", median(ours), 2, "s")]


def _pelton(folder: str, url: str, word: str, expected: int) -> float:
    command = [sys.executable, "-m", "pelton", word, "many_app.py", "--endpoint", url]
    began = perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stdout + done.stderr
    return perf_counter() - began


def _read(url: str) -> float:
    functions, began = client(url), perf_counter()
    for number in range(FUNCTIONS):
        functions.get_function(FunctionName=f"f{number}")
    return perf_counter() - began
