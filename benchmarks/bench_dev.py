"""`pelton dev`: from the save of a file to the first answer of the new code.

The floor is what of that is not ours: the same change by boto3's one call, UpdateFunctionCode with
a zip at hand, and the first answer after it (a cold start).
"""

from __future__ import annotations

import http.client
import io
import json
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter, sleep
from typing import Any
from urllib.parse import urlsplit

import boto3

from .row import Row

ROUNDS = 7
APP = """
import pelton

app = pelton.App("dev")

@app.function(timeout=5)
def answer(n: int) -> int:
    return {number}
"""
BARE = "def handler(event, context):\n    return {number}\n"


@contextmanager
def dev(folder: Path) -> Iterator[str]:
    """`pelton dev` on the app in `folder`, ready; the emulator's address."""
    words = ["dev", "bench_dev_app.py", "--port", "0", "--nuclio-port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "pelton", *words], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = ""
        for line in process.stdout:
            if "AWS at " in line:
                address = line.partition("AWS at ")[2].partition(",")[0]
            if line.startswith("deployed: "):
                break
        # The functions' logs: what nobody reads would make it wait.
        threading.Thread(target=lambda: deque(process.stdout or (), 0), daemon=True).start()
        try:
            yield address
        finally:
            process.terminate()


def until(address: str, function: str, number: int, act: Callable[[], object]) -> float:
    """Seconds from `act` to the first answer that is `number`."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    path = f"/2015-03-31/functions/{function}/invocations"
    began = perf_counter()
    act()
    while True:
        connection.request("POST", path, b"1")
        if json.loads(connection.getresponse().read()) == number:
            connection.close()
            return perf_counter() - began
        sleep(0.005)


def update(client: Any, code: bytes) -> None:
    client.update_function_code(FunctionName="bare", ZipFile=code)


def zipped(number: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        entry = zipfile.ZipInfo("bare.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, BARE.format(number=number))
    return made.getvalue()


def measure() -> list[Row]:
    """The middle of several rounds, taken in turns."""
    saves, calls = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "bench_dev_app.py"
        path.write_text(APP.format(number=0))
        with dev(Path(place)) as address:
            client = boto3.client(
                "lambda", endpoint_url=address, region_name="us-east-1",
                aws_access_key_id="test", aws_secret_access_key="test",
            )  # fmt: skip
            client.create_function(
                FunctionName="bare", Runtime="python3.12", Handler="bare.handler",
                Role="arn:aws:iam::000000000000:role/any", Code={"ZipFile": zipped(0)},
            )  # fmt: skip
            for number in range(1, ROUNDS + 1):
                text, code = APP.format(number=number), zipped(number)
                saves.append(until(address, "answer", number, partial(path.write_text, text)))
                calls.append(until(address, "bare", number, partial(update, client, code)))
    ours, floor = sorted(saves)[ROUNDS // 2], sorted(calls)[ROUNDS // 2]
    what = "pelton dev, save to answer, to UpdateFunctionCode and answer"
    return [Row(what, floor, ours, "s", value=ours, bound=1.0, says="seconds")]


if __name__ == "__main__":
    print(*(row.line() for row in measure()), sep="\n")
