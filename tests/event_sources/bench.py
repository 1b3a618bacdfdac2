"""What the tests of promises ask of a broker, and a handler that remembers what it was given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from pelton.event_sources import Batch, Failed, Outcome, Source

PATIENCE = 60.0  # seconds for something that must happen, on a machine that is busy
DEAD = "dead"


class Bench(Protocol):
    """A broker with a queue of its own for each test."""

    dead: str  # a place for dead letters

    def source(self, lease: float = 30.0) -> Source:
        """A source of the queue; another one of the same group, each time."""

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        """Messages with their keys, in order."""

    async def letters(self) -> list[tuple[bytes, Mapping[str, str]]]:
        """The dead letters: bodies, and headers."""

    def kill(self) -> None:
        """The broker ends at once."""

    def start(self) -> None:
        """And is there again."""


Decide = Callable[[Batch], Outcome | None]


def _nothing(batch: Batch) -> None:
    return None


class Seen:
    """A handler.  `batches` are the bodies it was given, `done` those it did not fail."""

    def __init__(self, decide: Decide = _nothing) -> None:
        self._decide = decide
        self.batches: list[list[bytes]] = []
        self.attempts: list[int] = []
        self.done: list[bytes] = []
        self._changed = asyncio.Event()

    async def __call__(self, batch: Batch) -> Outcome | None:
        self.batches.append([each.body for each in batch.messages])
        self.attempts += [each.attempt for each in batch.messages]
        self._changed.set()
        outcome = self._decide(batch)
        failed = outcome.failed if outcome else {}
        self.done += [each.body for each in batch.messages if each.id not in failed]
        return outcome

    @property
    def bodies(self) -> list[bytes]:
        return [body for batch in self.batches for body in batch]

    async def until(self, enough: Callable[[Seen], bool]) -> None:
        """Come back when it has seen enough."""
        async with asyncio.timeout(PATIENCE):
            while not enough(self):
                self._changed.clear()
                await self._changed.wait()
                # What it decides on is added a moment later.
                await asyncio.sleep(0)


async def until(true: Callable[[], bool]) -> None:
    """Come back when it is so: for what nobody rings for."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.005)


def failing(*poison: bytes) -> Decide:
    """Fails each of those bodies by name, the first time and always."""

    def decide(batch: Batch) -> Outcome:
        return Outcome(
            failed={each.id: Failed("no good") for each in batch.messages if each.body in poison}
        )

    return decide


def choking(*poison: bytes) -> Decide:
    """Fails as a whole when one of those is among them."""

    def decide(batch: Batch) -> None:
        if any(each.body in poison for each in batch.messages):
            raise ValueError("cannot read one of these")

    return decide


def keyed(count: int, keys: int) -> list[tuple[str, bytes]]:
    """Messages of that many keys: b"KEY:NUMBER", numbers from 0 for each key."""
    return [(f"k{n % keys}", f"k{n % keys}:{n // keys}".encode()) for n in range(count)]


def numbers(bodies: Iterable[bytes]) -> dict[str, list[int]]:
    """The numbers of `keyed` bodies by key, in the order they came."""
    found: dict[str, list[int]] = {}
    for body in bodies:
        key, _, number = body.decode().partition(":")
        found.setdefault(key, []).append(int(number))
    return found


def firsts(values: Iterable[int]) -> list[int]:
    """Each value where it came first."""
    return list(dict.fromkeys(values))
