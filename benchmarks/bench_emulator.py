"""The emulator against the bare runtime client: warm, cold, sustained, and how clients fare."""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from urllib.parse import urlsplit

import httpx

from .bare import HANDLER, BareLoop
from .emulator import RawCaller, client, create, emulator
from .row import Row

ROUNDS, CALLS, COLD = 6, 500, 7
PAYLOAD = b'{"a":1}'
PATH = "/2015-03-31/functions/warm/invocations"


def measure() -> list[Row]:
    with (
        tempfile.TemporaryDirectory() as folder,
        BareLoop(Path(folder)) as bare,
        emulator() as ready,
    ):
        lambda_ = client(ready["url"])
        create(lambda_, "warm", {"bare.py": HANDLER}, "bare.handler")
        caller = RawCaller(ready["url"], "warm", PAYLOAD)
        rows = [_ready(ready["ready_s"])]
        rows += _warm(bare, caller)
        rows += _clients(ready["url"], caller, lambda_.invoke)
        caller.close()
        rows.append(_cold(BareLoop(Path(folder)), ready["url"]))
    return rows


def _ready(seconds: float) -> Row:
    """From spawning the emulator to its ready line; the floor is a bare interpreter's life."""
    bare = _timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
    return Row("emulator ready for Lambda calls", bare, seconds, "s", seconds, 0.4, "s")


def _warm(bare: BareLoop, caller: RawCaller) -> list[Row]:
    """Both in turns, so that the machine's moods meet both; the medians of the rounds."""
    floor, ours, rates = [], [], []
    for _ in range(CALLS):
        bare.call(), caller.call()
    for _ in range(ROUNDS):
        in_loop = [bare.call() for _ in range(CALLS)]
        in_emulator = [caller.call() for _ in range(CALLS)]
        floor.append(median(in_loop) * 1e3)
        ours.append(median(in_emulator) * 1e3)
        rates.append((1 / mean(in_loop), 1 / mean(in_emulator)))
    p50 = median(a / b for a, b in zip(ours, floor, strict=True))
    slow, fast = median(b for _, b in rates), median(a for a, _ in rates)
    share = median(b / a for a, b in rates)
    return [
        Row("warm invoke over raw HTTP, p50", median(floor), median(ours), "ms", p50, 2.5),
        Row("one sandbox, sustained", fast, slow, "/s", share, 0.6, at_least=True),
    ]


def _clients(url: str, raw: RawCaller, invoke: Callable[..., object]) -> list[Row]:
    """Keep-alive calls by the usual clients: a stall by a delayed acknowledgement is 40 ms."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)

    def by_http_client() -> None:
        connection.request("POST", PATH, PAYLOAD)
        connection.getresponse().read()

    with httpx.Client(base_url=url, trust_env=False) as session:
        callers: dict[str, Callable[[], object]] = {
            "http.client": by_http_client,
            "httpx": lambda: session.post(PATH, content=PAYLOAD),
            "boto3": lambda: invoke(FunctionName="warm", Payload=PAYLOAD),
        }
        rows = []
        floor = sorted(raw.call() for _ in range(200))[190] * 1e3
        for name, call in callers.items():
            times = sorted(_timed(call) for _ in range(200))
            p95 = times[190] * 1e3
            rows.append(Row(f"keep-alive by {name}, p95", floor, p95, "ms", p95, 20, "ms"))
    connection.close()
    return rows


def _cold(bare: BareLoop, url: str) -> Row:
    """The first call of a function just made, against spawning the client."""
    lambda_, floor, ours = client(url), [], []
    for index in range(COLD):
        floor.append(bare.cold() * 1e3)
        create(lambda_, f"cold-{index}", {"bare.py": HANDLER}, "bare.handler")
        caller = RawCaller(url, f"cold-{index}", PAYLOAD)
        ours.append(caller.call() * 1e3)
        caller.close()
    ratio = median(ours) / median(floor)
    return Row("cold start, first call after deploy", median(floor), median(ours), "ms", ratio, 1.5)


def _timed(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began
