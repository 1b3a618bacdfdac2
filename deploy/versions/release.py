"""What is released of a function, and which version a command means: the rules, without a platform.

A platform is anything that has these verbs (`Platform`): Lambda does it with published versions and
a weighted alias, Nuclio with a second function behind an API gateway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from typing import Protocol

from ..errors import CannotRelease
from .canary import Canary, Step
from .facts import Facts
from .ledger import Ledger

LIVE = "live"


@dataclass(frozen=True, slots=True)
class Version:
    """A version that is there.  `made` is the platform's own text of when."""

    number: str
    digest: str = ""
    made: str = ""


@dataclass(frozen=True, slots=True)
class Split:
    """Who answers: `stable`, and of every request a `share` (0 to 1) is `new`'s.

    sticky: what of a request decides who answers it ("" draws), where a platform has that
    """

    stable: str
    new: str = ""
    share: float = 0.0
    sticky: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """A function's versions (the oldest first), who answers (None: nobody said), its aliases, and
    the record of how it came."""

    function: str
    versions: tuple[Version, ...] = ()
    split: Split | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(each.number for each in self.versions)

    @property
    def canary(self) -> Canary | None:
        """The canary that is under way."""
        found = self.ledger.canary
        return None if found is None or found.over else found

    def digest(self, number: str) -> str:
        return next((each.digest for each in self.versions if each.number == number), "")


class Platform(Protocol):
    """What a platform can do about a function's versions.  Every verb done twice is as good as
    done once; all raise `DeployError`."""

    @property
    def name(self) -> str: ...

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those that it counts."""

    def read(self, function: str) -> Released: ...

    def keep(self, released: Released, ledger: Ledger) -> None:
        """Keep the record, on the platform."""

    def send(self, released: Released, split: Split) -> None:
        """Let requests be answered as `split` says, without losing one; come back when they are."""

    def refuse_split(self, function: str) -> None:
        """Raise `CannotRelease` where two versions of the function's cannot share its requests."""

    def refuse_sticky(self, function: str, sticky: str) -> None:
        """Raise `CannotRelease` where no split of the function's can go by that of a request."""

    def name_version(self, released: Released, alias: str, number: str) -> None:
        """Let `alias` name a version."""

    def mark(self, canary: Canary) -> Mapping[str, Mapping[str, float]] | None:
        """What is counted so far, where a platform counts without a time; else None."""

    def facts(self, canary: Canary, now: float) -> tuple[Facts, Facts]:
        """What was counted since the step began: of the new version, and of the baseline."""

    def remove(self, released: Released, number: str) -> None:
        """Remove a version that nobody points at."""


def live_of(released: Released) -> str:
    """The version that answers; raises `CannotRelease` when there is none yet."""
    if released.split is None:
        raise CannotRelease(
            f"function {released.function!r} was never published: give it versions=10 in "
            f"@app.function, and `pelton deploy` publishes one with each change"
        )
    return released.split.stable


def known(released: Released, number: str) -> str:
    """`number`, when there is such a version, or that of an alias; raises `CannotRelease`.

    >>> known(Released("hello", (Version("1"), Version("2"))), "3")
    Traceback (most recent call last):
    pelton.deploy.errors.CannotRelease: function 'hello' has no version '3'; it has 1, 2
    """
    number = released.aliases.get(number, number)
    if number in released.numbers:
        return number
    there = ", ".join(released.numbers) or "none: `pelton deploy` publishes one"
    raise CannotRelease(f"function {released.function!r} has no version {number!r}; it has {there}")


def next_version(released: Released, asked: str = "") -> str:
    """The version that a canary or a promotion is about: the one asked for, else the newest;
    raises `CannotRelease` when that is the one that answers."""
    live = live_of(released)
    new = known(released, asked) if asked else released.numbers[-1]
    if new == live:
        newest = "" if asked else ", the newest there is"
        raise CannotRelease(
            f"version {new} of {released.function!r} answers already{newest}: publish another with "
            "`pelton deploy FILE --hold`, which lets the one that answers be"
        )
    return new


def refuse_under_way(released: Released) -> None:
    """Raise `CannotRelease` when a canary is under way."""
    canary = released.canary
    if canary is None:
        return
    name = released.function
    raise CannotRelease(
        f"a canary of {name!r} is under way: version {canary.new} has "
        f"{percent(canary.share)} of the requests, since {moment(canary.since)}; "
        f"`pelton canary {name} --resume` goes on with it, `pelton promote {name}` lets it answer "
        f"all, `pelton rollback {name}` takes it back"
    )


def way_back(released: Released, asked: str = "") -> str:
    """The version that a rollback goes to; raises `CannotRelease` when there is none."""
    live, name = live_of(released), released.function
    if asked:
        if (number := known(released, asked)) == live and released.canary is None:
            raise CannotRelease(f"version {number} of {name!r} answers already")
        return number
    if released.canary is not None:
        return released.canary.baseline
    found = released.ledger.before(live, released.numbers)
    if not found:
        others = [each for each in released.numbers if each != live]
        more = f"; name one of {', '.join(others)}" if others else ""
        raise CannotRelease(
            f"there is nothing to go back to: no version of {name!r} is known to have answered "
            f"before {live}{more}"
        )
    return found


def refuse_metrics(gates: Sequence[tuple[str, tuple[str, ...]]], platform: Platform) -> None:
    """Raise `CannotRelease` for a gate over what the platform does not count."""
    for text, metrics in gates:
        for metric in metrics:
            if metric not in platform.metrics:
                raise CannotRelease(
                    f"gate {text!r}: {platform.name} does not count {metric}; it counts "
                    f"{', '.join(platform.metrics)}; a function of yours can say what it knows "
                    "(--gate module:function)"
                )


def stale(released: Released, keep: int) -> tuple[str, ...]:
    """The versions to remove so that `keep` are left: the oldest, and never one that answers, that
    an alias names, that a canary is about, or that the next rollback would go to.

    >>> versions = tuple(Version(str(number)) for number in range(1, 6))
    >>> stale(Released("hello", versions, Split("5"), {"live": "5", "blue": "1"}), 2)
    ('2', '3')
    """
    held = set(released.aliases.values())
    if released.split is not None:
        held |= {released.split.stable, released.split.new}
        held.add(released.ledger.before(released.split.stable, released.numbers))
    if released.canary is not None:
        held |= {released.canary.baseline, released.canary.new}
    old = released.numbers[: max(0, len(released.numbers) - max(keep, 1))]
    return tuple(each for each in old if each not in held)


def share_of(text: str) -> float:
    """A share of the requests, from "10%" or "10"; raises `CannotRelease` out of range.

    >>> share_of("10%"), share_of("0.5 %")
    (0.1, 0.005)
    >>> share_of("100%")
    Traceback (most recent call last):
    pelton.deploy.errors.CannotRelease: '100%' is no share for a canary: more than 0% and less \
than 100%; `pelton promote` sends everything
    """
    try:
        found = float(text.strip().removesuffix("%"))
    except ValueError:
        raise CannotRelease(f"{text!r} is no share of the requests; write 10%") from None
    if not 0 < found < 100:
        raise CannotRelease(
            f"{text!r} is no share for a canary: more than 0% and less than 100%; "
            "`pelton promote` sends everything"
        )
    return round(found / 100, 6)


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(text: str) -> float:
    """Seconds, from "90s", "15m", "2h" or "1d"; raises `CannotRelease`.

    >>> seconds_of("15m"), seconds_of("1.5h")
    (900.0, 5400.0)
    """
    number, unit = text.strip()[:-1], text.strip()[-1:]
    try:
        found = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        raise CannotRelease(f"{text!r} is no time; write 90s, 15m, 2h or 1d") from None
    if not 0 < found < 32 * 86400:
        raise CannotRelease(f"{text!r} is no time for a canary: more than 0 and at most 31 days")
    return found


def steps_of(shares: Sequence[str], each_lasts: str) -> tuple[Step, ...]:
    """The steps of a canary; raises `CannotRelease` for shares that do not grow."""
    found = [share_of(each) for each in shares]
    if any(later <= earlier for earlier, later in pairwise(found)):
        raise CannotRelease(f"the shares {' '.join(shares)} do not grow from step to step")
    if len(found) > 1 and not each_lasts:
        raise CannotRelease("several shares are steps, and each lasts for a time: give --for")
    seconds = seconds_of(each_lasts) if each_lasts else None
    return tuple(Step(share, seconds) for share in found)


def percent(share: float) -> str:
    """
    >>> percent(0.1), percent(0.005)
    ('10%', '0.5%')
    """
    return f"{share * 100:.4g}%"


def moment(at: float) -> str:
    """
    >>> moment(0.0)
    '1970-01-01 00:00:00 UTC'
    """
    import datetime as dt

    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def near(name: str, known_names: Sequence[str]) -> str:
    """A hint for a name that is not among those known.

    >>> near("blu", ["blue", "live"])
    "did you mean 'blue'?"
    """
    close = get_close_matches(name, known_names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there are {', '.join(known_names) or 'none'}"
