"""What waiting costs: fifty triggers with nothing to do, and a consumer that cannot keep up.

The floor of a processor's share is nothing. The floor of the memory is what the messages together
have, which a consumer that took all that its broker has would hold.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from pelton.event_sources import Batch, Delivery, Rules, Source
from pelton.event_sources.sources.directory import Directory
from pelton.event_sources.sources.jetstream import JetStream
from pelton.event_sources.sources.nats import Nats
from pelton.event_sources.sources.redis_pubsub import RedisPubSub
from pelton.event_sources.sources.redis_stream import RedisStream

from .bench_load import _below, _cpu
from .consumers.servers import nats_server, redis_server
from .emulator import emulator
from .row import Row

TRIGGERS, SECONDS = 50, 5.0
MESSAGES, SIZE = 20_000, 1024
HANDLER = "def handler(context, event):\n    pass\n"


def measure() -> list[Row]:
    rows = [_emulator()]
    with (
        nats_server() as nats,
        redis_server() as redis,
        tempfile.TemporaryDirectory() as folder,
    ):
        addresses = {"nats": nats, "redis": redis}
        rows.append(asyncio.run(_sources(addresses, folder)))
        rows += [_slow(kind, addresses["nats"]) for kind in ("JetStream", "NATS")]
    return rows


# -- fifty triggers
def _emulator() -> Row:
    """One Nuclio function with so many triggers, and a worker for each."""
    hourly = {"kind": "cron", "attributes": {"interval": "1h"}}
    triggers: dict[str, Any] = {f"cron-{number}": hourly for number in range(TRIGGERS - 1)}
    spec = {
        "runtime": "python",
        "handler": "main:handler",
        "readinessTimeoutSeconds": 300,
        "build": {"functionSourceCode": base64.b64encode(HANDLER.encode()).decode()},
        "triggers": {**triggers, "http": {"kind": "http"}},
    }
    document = json.dumps({"metadata": {"name": "idle"}, "spec": spec}).encode()
    with tempfile.TemporaryDirectory() as folder, emulator("--data-dir", folder) as ready:
        wait = {"x-nuclio-wait-function-action": "true"}
        url = f"{ready['nuclio_url']}/api/functions"
        urllib.request.urlopen(urllib.request.Request(url, document, wait)).close()
        processes = [ready["pid"], *_below(ready["pid"])]
        before = sum(map(_cpu, processes))
        time.sleep(SECONDS)
        share = (sum(map(_cpu, processes)) - before) / SECONDS * 100
    what = f"processor of an emulator with a function of {TRIGGERS} idle triggers, workers and all"
    return Row(what, 0, share, "%", share, 2, "%")


async def _sources(addresses: dict[str, str], folder: str) -> Row:
    """Deliveries of every kind, each with a connection of its own where it has one."""
    import nats

    client = await nats.connect(addresses["nats"])
    await client.jetstream().add_stream(name="idle", subjects=["idle.>"])
    await client.close()
    async with AsyncExitStack() as stack:
        for source in _kinds(addresses, folder):
            delivery = Delivery(source, _nothing, Rules())
            await stack.enter_async_context(delivery)
            while delivery.status.state != "ready":
                await asyncio.sleep(0.01)
        before = time.process_time()
        await asyncio.sleep(SECONDS)
        share = (time.process_time() - before) / SECONDS * 100
    what = f"processor of {TRIGGERS} idle deliveries from brokers and folders"
    return Row(what, 0, share, "%", share, 2, "%")


def _kinds(addresses: dict[str, str], folder: str) -> Iterator[Source]:
    for number in range(TRIGGERS // 5):
        name = f"idle{number}"
        Path(folder, name).mkdir()
        yield JetStream(addresses["nats"], stream="idle", durable=name)
        yield Nats(addresses["nats"], subject=name)
        yield RedisStream(addresses["redis"], stream=name, group="g")
        yield RedisPubSub(addresses["redis"], channel=name)
        yield Directory(Path(folder, name))


async def _nothing(batch: Batch) -> None:
    """What is never called."""


# -- a slow consumer: a process of its own, which has nothing in it but that
PUBLISH = f"""
import asyncio, sys, nats

async def main():
    client = await nats.connect(sys.argv[1])
    for number in range({MESSAGES}):
        await client.publish(sys.argv[2], b"x" * {SIZE})
        if number % 500 == 0:
            await client.flush()
    await client.close()

asyncio.run(main())
"""


def _slow(kind: str, address: str) -> Row:
    command = [sys.executable, "-m", __name__, kind, address]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    grown, total = float(done.stdout), MESSAGES * SIZE / 2**20
    what = f"memory of a slow consumer of {kind}, {MESSAGES:,} messages of 1 KB, its growth"
    return Row(what, total, grown, "MB", grown, 6, "MB more")


async def _grown(kind: str, address: str) -> float:
    """Megabytes that a process grows by when its handler does not come to an end."""
    import nats

    client = await nats.connect(address)
    await client.jetstream().add_stream(name="slow", subjects=["slow.kept"])
    await client.close()
    source: Source = JetStream(address, stream="slow", durable="d")
    subject = "slow.kept"
    if kind == "NATS":
        source, subject = Nats(address, subject="slow.plain"), "slow.plain"
    go = asyncio.Event()

    async def wait(batch: Batch) -> None:
        await go.wait()

    async with Delivery(source, wait, Rules(in_flight=100)) as delivery:
        while delivery.status.state != "ready":
            await asyncio.sleep(0.01)
        before = _resident()
        words = [sys.executable, "-c", PUBLISH, address, subject]
        publisher = await asyncio.create_subprocess_exec(*words)
        await publisher.wait()
        await asyncio.sleep(2)  # in which a consumer without a bound takes what there is
        grown = _resident() - before
        go.set()
    return grown


def _resident() -> float:
    """Megabytes of this process."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    print(asyncio.run(_grown(*sys.argv[1:])))
