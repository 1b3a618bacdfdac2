"""Whether a server lets a source in, and what is said where it does not; either way nothing of it
is open afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from pelton.event_sources import Delivery, Source

from .bench import Seen, until
from .promises import NOW

T = TypeVar("T")


def is_let_in(source: Source) -> None:
    async def run() -> None:
        async with Delivery(source, Seen(), reconnect=NOW) as delivery:
            await until(lambda: delivery.status.state == "ready")

    asyncio.run(leaving_nothing(run()))


def reason_of(source: Source) -> str:
    """What a delivery says when it was refused twice."""

    async def run() -> str:
        async with Delivery(source, Seen(), reconnect=NOW) as delivery:
            await until(lambda: delivery.tally.reconnects >= 2)
            assert delivery.status.state == "unhealthy"
            return delivery.status.reason

    return asyncio.run(leaving_nothing(run()))


async def leaving_nothing(work: Coroutine[Any, Any, T]) -> T:
    """What it comes to.  Once a delivery has ended, nothing of it is open: the next who looks for
    what was left would be told of it, somewhere else."""
    before = sockets()
    found = await work
    assert sockets() <= before
    return found


def sockets() -> set[str]:
    """Those of this process, by the numbers that Linux gives them."""
    found = set[str]()
    for each in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(OSError):  # it is the folder itself, which is closed by now
            found.add(os.readlink(each))
    return {each for each in found if each.startswith("socket:")}


def sockets_to(port: int) -> set[str]:
    """Those of this process to a port of this machine, by the same numbers."""
    lines = [each.split() for each in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    there = {f"socket:[{line[9]}]" for line in lines if line[2].endswith(f":{port:04X}")}
    return there & sockets()
