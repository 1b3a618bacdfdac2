"""A platform on a desk: versions in a dictionary; it can be cut off at its n-th call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pelton.deploy.errors import CallFailed, CannotRelease
from pelton.deploy.versions.canary import Canary
from pelton.deploy.versions.facts import METRICS, Facts
from pelton.deploy.versions.ledger import Ledger, from_tags, to_tags
from pelton.deploy.versions.release import LIVE, Released, Split, Version


class Killed(BaseException):
    """The process ends here."""


class ManualClock:
    """Time passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Desk:
    """counts: what `facts` tells, of the new version and of the baseline, at a time"""

    counts: Callable[[float], tuple[Facts, Facts]] = lambda now: (Facts("4"), Facts("3"))
    versions: tuple[str, ...] = ("1", "2", "3", "4")
    split: Split | None = field(default_factory=lambda: Split("3"))
    aliases: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    killed_at: int = -1  # before this call, counted from 0
    denied: bool = False
    cannot_split: str = ""  # why requests cannot be shared
    name: str = "desk"
    metrics: tuple[str, ...] = METRICS

    def _call(self, what: str) -> None:
        if len(self.calls) == self.killed_at:
            raise Killed(what)
        if self.denied:
            raise CallFailed("function 'hello': GetAlias: ExpiredTokenException: it has expired")
        self.calls.append(what)

    def read(self, function: str) -> Released:
        self._call("read")
        versions = tuple(Version(each, f"digest-{each}") for each in self.versions)
        names = {**self.aliases, **({LIVE: self.split.stable} if self.split else {})}
        return Released(function, versions, self.split, names, from_tags(self.tags))

    def keep(self, released: Released, ledger: Ledger) -> None:
        self._call("keep")
        self.tags.update(to_tags(ledger))

    def send(self, released: Released, split: Split) -> None:
        self._call(f"send {split.stable} {split.new} {split.share}")
        self.split = split

    def refuse_split(self, function: str) -> None:
        if self.cannot_split:
            raise CannotRelease(self.cannot_split)

    def refuse_sticky(self, function: str, sticky: str) -> None:
        """It may be asked for."""

    def name_version(self, released: Released, alias: str, number: str) -> None:
        self._call(f"name {alias} {number}")
        self.aliases[alias] = number

    def mark(self, canary: Canary) -> Mapping[str, Mapping[str, float]] | None:
        return None

    def facts(self, canary: Canary, now: float) -> tuple[Facts, Facts]:
        self._call("facts")
        return self.counts(now)

    def remove(self, released: Released, number: str) -> None:
        self._call(f"remove {number}")
        self.versions = tuple(each for each in self.versions if each != number)

    def cut_off_at(self, call: int) -> Desk:
        return replace(self, killed_at=call, calls=[], aliases={}, tags={})
