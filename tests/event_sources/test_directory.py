"""A directory as a source."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pelton.event_sources import Delivery, Letter, Message, Rules
from pelton.event_sources.dead_letters import ToBroker
from pelton.event_sources.sources.directory import Directory

from .bench import Seen, choking, firsts, keyed, numbers, until
from .faults import NOW, FaultBench, FaultTests
from .promises import PromiseTests


class DirectoryBench:
    """A folder; keys are the first letters of names, and the folder as a whole is in order."""

    dead = ".failed"

    def __init__(self, folder: Path) -> None:
        self.folder, self.aside = folder / "inbox", folder / "aside"
        self.folder.mkdir()
        self._numbers = count()
        self.port = 0

    def by_port(self, port: int) -> Directory:
        return self.source()

    def spec(self) -> tuple[str, Mapping[str, Any]]:
        return "directory", {"path": str(self.folder), "lease": 2.0, "ordered": True}

    def source(self, lease: float = 30.0) -> Directory:
        return Directory(self.folder, lease=lease, ordered=True)

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        for _, body in bodies:
            whole = self.folder / f".{next(self._numbers):06d}"
            whole.write_bytes(body)
            whole.rename(self.folder / whole.name[1:])

    async def letters(self) -> list[tuple[bytes, Mapping[str, str]]]:
        found: list[tuple[bytes, Mapping[str, str]]] = []
        for reason in (self.folder / self.dead).glob("*.reason.json"):
            said = json.loads(reason.read_text())
            headers = {f"dead-letter-{name}": str(value) for name, value in said.items()}
            body = reason.with_name(reason.name.removesuffix(".reason.json")).read_bytes()
            found.append((body, headers))
        return found

    def kill(self) -> None:
        self.folder.rename(self.aside)

    def start(self) -> None:
        self.aside.rename(self.folder)


class TestDirectory(PromiseTests, FaultTests):
    promises = Directory.promises
    ordered = False  # what a killed worker had claimed comes when its lease is over

    @pytest.fixture
    def bench(self, tmp_path: Path) -> FaultBench:
        return DirectoryBench(tmp_path)

    @pytest.mark.slow
    def test_cut_connections_lose_nothing_and_keep_the_order(self, bench: FaultBench) -> None:
        # Nothing is between a folder and us: it is away for a while, and there again.
        async def run() -> None:
            await bench.publish(keyed(1000, 10))
            seen = Seen()
            rules = Rules(batch=10, workers=3, in_flight=100)
            async with Delivery(bench.source(), seen, rules, reconnect=NOW) as delivery:
                for share in (200, 600):
                    await seen.until(lambda seen, most=share: len(set(seen.done)) >= most)  # type: ignore[misc]
                    bench.kill()
                    await until(lambda: delivery.status.state == "unhealthy")
                    bench.start()
                await seen.until(lambda seen: len(set(seen.done)) >= 1000)
                assert delivery.tally.reconnects >= 2
            assert {key: firsts(each) for key, each in numbers(seen.done).items()} == {
                f"k{n}": list(range(100)) for n in range(10)
            }

        asyncio.run(run())


def test_done_files_are_kept_or_deleted(tmp_path: Path) -> None:
    async def run(keep: bool) -> list[str]:
        folder = tmp_path / str(keep)
        folder.mkdir()
        (folder / "a.csv").write_text("1,2")
        (folder / "notes.txt").write_text("not meant")
        seen = Seen()
        async with Delivery(Directory(folder, pattern="*.csv", keep=keep), seen) as delivery:
            await seen.until(lambda seen: bool(seen.done))
            await until(lambda: delivery.held == 0)
        return sorted(
            str(each.relative_to(folder)) for each in folder.rglob("*.*") if each.is_file()
        )

    assert asyncio.run(run(keep=True)) == [".done/a.csv", "notes.txt"]
    assert asyncio.run(run(keep=False)) == ["notes.txt"]


def test_a_name_that_comes_again_is_another_message(tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen()
        async with Delivery(Directory(tmp_path), seen):
            for body in (b"first", b"second"):
                (tmp_path / ".new").write_bytes(body)
                (tmp_path / ".new").rename(tmp_path / "same")
                await seen.until(lambda seen, body=body: body in seen.done)  # type: ignore[misc]
        assert seen.done == [b"first", b"second"]

    asyncio.run(run())


def test_what_is_given_up_is_not_among_the_done_and_no_other_letter_is_lost(tmp_path: Path) -> None:
    """Names come again: each day's orders.csv may be a dead letter of its own."""

    async def run() -> None:
        source = Directory(tmp_path)
        rules, letters = Rules(attempts=1), ToBroker(".failed")
        seen = Seen(choking(b"bad", b"worse"))
        async with Delivery(source, seen, rules, dead_letters=letters) as delivery:
            for number, body in enumerate((b"bad", b"worse", b"good"), 1):
                (tmp_path / ".new").write_bytes(body)
                (tmp_path / ".new").rename(tmp_path / "same")
                await until(lambda n=number: delivery.tally.buried + delivery.tally.done == n)  # type: ignore[misc]
        done, failed = tmp_path / ".done", tmp_path / ".failed"
        assert [(each.name, each.read_bytes()) for each in done.iterdir()] == [("same", b"good")]
        assert [(failed / name).read_bytes() for name in ("same", "same~2")] == [b"bad", b"worse"]
        assert not list((tmp_path / ".claimed").iterdir())

    asyncio.run(run())


def test_a_letter_that_was_half_written_is_written_again(tmp_path: Path) -> None:
    async def run() -> None:
        source = Directory(tmp_path)
        message = Message("7", b"body", key="same")
        (tmp_path / ".failed").mkdir()
        (tmp_path / ".failed" / "same.reason.json").write_text('{"reason": "a full di')
        for _ in range(2):
            await source.bury(Letter(message, "no JSON", 1, 0.0), ".failed")

    asyncio.run(run())
    assert sorted(each.name for each in (tmp_path / ".failed").iterdir()) == [
        "same",
        "same.reason.json",
    ]


def test_of_several_workers_one_has_a_file(tmp_path: Path) -> None:
    async def run() -> None:
        for number in range(200):
            (tmp_path / f"{number:03d}").write_text(str(number))
        seen = [Seen(), Seen(), Seen()]
        deliveries = [Delivery(Directory(tmp_path, keep=False), each) for each in seen]
        for each in deliveries:
            await each.start()
        await until(lambda: sum(len(each.done) for each in seen) >= 200)
        for each in deliveries:
            await each.stop()
        assert sorted(int(body) for each in seen for body in each.done) == list(range(200))

    asyncio.run(run())


def test_a_file_that_is_still_written_is_left_alone(tmp_path: Path) -> None:
    async def run() -> None:
        source = Directory(tmp_path, settle=3600)
        await source.open()
        (tmp_path / "growing").write_text("half")
        assert await source.receive(10, 0) == []
        await source.close()

    asyncio.run(run())
