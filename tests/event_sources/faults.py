"""What goes wrong outside, for every broker that keeps its messages: a broker's own file subclasses
this beside `PromiseTests`.  They take their time: slow."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

import pytest

from pelton.event_sources import Backoff, Batch, Delivery, Rules, Source

from .bench import Bench, Seen, firsts, keyed, numbers, until
from .servers.proxy import Proxy

NOW = Backoff(first=0.02, longest=0.2)
MESSAGES, KEYS, KILLS = 10_000, 50, 4


class FaultBench(Bench, Protocol):
    """A bench whose broker can be reached by another port, and by another process."""

    port: int

    def by_port(self, port: int) -> Source:
        """A source by way of that port, of a worker that is alone."""

    def spec(self) -> tuple[str, Mapping[str, Any]]:
        """The word and the settings of such a source."""


class FaultTests:
    """Each fault, with many messages.

    ordered: whether the order of a key holds over a killed worker and a killed broker, too
    """

    ordered = True

    @pytest.mark.slow
    def test_cut_connections_lose_nothing_and_keep_the_order(self, bench: FaultBench) -> None:
        async def run() -> None:
            await bench.publish(keyed(3000, 30))
            seen = Seen()

            async def handle(batch: Batch) -> None:
                await seen(batch)
                await asyncio.sleep(0.001)

            async with Proxy(bench.port) as proxy:
                rules = Rules(batch=10, workers=3, in_flight=100)
                source = bench.by_port(proxy.port)
                async with Delivery(source, handle, rules, reconnect=NOW) as delivery:
                    for share in range(1, 6):
                        await seen.until(
                            lambda seen, most=share * 500: len(set(seen.done)) >= most  # type: ignore[misc]
                        )
                        proxy.cut()
                    await seen.until(lambda seen: len(set(seen.done)) >= 3000)
                    assert delivery.tally.reconnects >= 3
            found = numbers(seen.done)
            assert {key: firsts(each) for key, each in found.items()} == {
                f"k{n}": list(range(100)) for n in range(30)
            }

        asyncio.run(run())

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    def test_killed_workers_a_killed_broker_and_copies(
        self, bench: FaultBench, tmp_path: Path
    ) -> None:
        chance, sent = random.Random(7), list[tuple[str, bytes]]()
        for each in keyed(MESSAGES, KEYS):
            sent += [each] * (2 if chance.random() < 0.1 else 1)
        asyncio.run(bench.publish(sent))
        seen = tmp_path / "seen"
        seen.touch()
        kind, settings = bench.spec()
        given = {"kind": kind, "settings": dict(settings), "seen": str(seen)}
        given["done"] = str(tmp_path / "done.db")

        def lines() -> list[bytes]:
            return seen.read_bytes().splitlines()

        def worker() -> subprocess.Popen[bytes]:
            program = str(Path(__file__).with_name("worker.py"))
            return subprocess.Popen([sys.executable, program, json.dumps(given)])

        async def reaches(count: int) -> None:
            async with asyncio.timeout(200):
                while len(set(lines())) < count:
                    await asyncio.sleep(0.05)

        for kill in range(1, KILLS + 1):
            with killed(worker()):
                asyncio.run(reaches(kill * MESSAGES // (KILLS + 2)))
        with killed(worker()):
            asyncio.run(reaches((KILLS + 1) * MESSAGES // (KILLS + 2)))
            bench.kill()
            bench.start()
            asyncio.run(reaches(MESSAGES))
        found = numbers(lines())
        assert sorted(found) == sorted(f"k{n}" for n in range(KEYS))
        came = {
            key: firsts(each) if self.ordered else sorted({*each}) for key, each in found.items()
        }
        wrong = {key: out for key in came if (out := out_of_order(came[key]))}
        assert not wrong, wrong
        # Only what was in hand when a worker was killed may have been done twice: 2 batches of 20.
        assert len(lines()) - MESSAGES <= 40 * (KILLS + 1)


@contextmanager
def killed(running: subprocess.Popen[bytes]) -> Iterator[None]:
    """At the end, whatever that is."""
    try:
        yield
    finally:
        running.kill()
        running.wait()


def out_of_order(numbers: list[int]) -> list[tuple[int, int]]:
    """(the number that should have come, the one that did), where they differ."""
    wanted = range(MESSAGES // KEYS)
    return [pair for pair in zip_longest(wanted, numbers) if pair[0] != pair[1]][:5]


__all__ = ["FaultBench", "FaultTests", "until"]
