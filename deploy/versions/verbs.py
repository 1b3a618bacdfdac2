"""What the commands do: canary, promote, rollback, alias, on any platform.

The rules are data elsewhere (`canary`, `release`); here they are followed, in an order that a kill
at any place leaves to be taken up: what is meant is kept first, then the requests are sent there,
then it is kept that they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import CannotRelease, DeployError
from . import canary as rules
from .canary import Canary, Step
from .facts import Facts
from .gates import Answer, Gate, Judge, ask, parse
from .ledger import Entry, Kind, Ledger
from .release import (
    LIVE,
    Platform,
    Released,
    Split,
    known,
    live_of,
    moment,
    next_version,
    percent,
    refuse_metrics,
    refuse_under_way,
    stale,
    way_back,
)

LOOK = 5.0  # seconds between two looks at the numbers


class Clock(Protocol):
    """Who tells the time, and waits."""

    def time(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """One look at a canary: what it is now, the numbers, and what its gates say of them."""

    canary: Canary
    facts: tuple[Facts, Facts] | None = None  # of the new version, of the baseline
    answers: tuple[Answer, ...] = ()


def start(
    platform: Platform,
    function: str,
    steps: Sequence[Step],
    gates: Sequence[Gate],
    *,
    now: float,
    by: str,
    version: str = "",
    least: int = rules.LEAST,
    patience: float | None = None,
    sticky: str = "",
) -> Canary:
    """Begin a canary and send the new version its first share; raises `CannotRelease`."""
    released = platform.read(function)
    refuse_under_way(released)
    new = next_version(released, version)
    platform.refuse_split(function)  # before anything is kept
    if sticky:
        platform.refuse_sticky(function, sticky)
    refuse_metrics([(each.text, each.metrics) for each in gates], platform)
    begun = rules.begin(
        function,
        live_of(released),
        new,
        steps,
        [each.text for each in gates],
        now=now,
        least=least,
        patience=patience,
        by=by,
        sticky=sticky,
    )
    released = _keep(platform, released, replace(released.ledger, canary=begun))
    return _shift(platform, released, begun, now)


def look(
    platform: Platform, function: str, judges: Mapping[str, Judge], *, now: float, by: str
) -> Turn:
    """One turn of a canary: act on its phase, or look at its numbers and decide.

    Raises `CannotRelease` when there is none, or somebody else has sent the requests elsewhere.
    """
    released = platform.read(function)
    canary = released.canary
    if canary is None:
        raise CannotRelease(no_canary(released))
    if canary.phase == "shifting":
        return Turn(_shift(platform, released, canary, now))
    if canary.phase != "watching":
        return Turn(_finish(platform, released, canary, now=now, by=by))
    _refuse_moved(released, canary)
    facts = platform.facts(canary, now)
    answers = judged(canary, facts, judges)
    decided = rules.decide(canary, answers, now=now)
    if decided != canary:
        _keep(platform, released, replace(released.ledger, canary=decided))
    return Turn(decided, facts, answers)


def watch(
    platform: Platform,
    function: str,
    judges: Mapping[str, Judge],
    clock: Clock,
    *,
    by: str,
    on_turn: Callable[[Turn], None] = lambda turn: None,
) -> Canary:
    """Look until the canary is over, or until it waits for nobody but a person (no time given)."""
    while True:
        turn = _look_and_say(platform, function, judges, clock, by)
        on_turn(turn)
        canary = turn.canary
        if canary.over or (canary.phase == "watching" and canary.ends is None):
            return canary
        if canary.phase == "watching":
            assert canary.ends is not None
            left = canary.ends - clock.time()
            clock.sleep(min(LOOK, left) if left > 0 else LOOK)


def _look_and_say(
    platform: Platform, function: str, judges: Mapping[str, Judge], clock: Clock, by: str
) -> Turn:
    """A look; a platform that refuses (credentials that ran out) leaves the canary as it is, and
    that is said."""
    try:
        return look(platform, function, judges, now=clock.time(), by=by)
    except CannotRelease:
        raise
    except DeployError as error:
        raise type(error)(
            f"{error}; the canary of {function!r} stands as it did: `pelton canary {function} "
            f"--resume` goes on with it, `pelton rollback {function}` takes it back"
        ) from error


def promote(
    platform: Platform,
    function: str,
    judges: Mapping[str, Judge],
    *,
    now: float,
    by: str,
    version: str = "",
    reason: str = "",
    force: bool = False,
) -> Entry:
    """Let a new version answer everything: that of the canary under way, whose gates must hold
    (unless `force`), else the newest or the one named."""
    released = platform.read(function)
    canary = released.canary
    if canary is None:
        new = next_version(released, version)
        return _move(platform, released, new, "promote", reason, now=now, by=by)
    if version and known(released, version) != canary.new:
        refuse_under_way(released)
    if not force and canary.phase == "watching":
        for each in judged(canary, platform.facts(canary, now), judges):
            if each.verdict != "passes":
                raise CannotRelease(
                    f"version {canary.new} of {function!r} is not promoted: {each.why}; --force "
                    f"promotes it all the same, `pelton rollback {function}` takes it back"
                )
    meant = rules.promote(canary, reason or "promoted by hand")
    released = _keep(platform, released, replace(released.ledger, canary=meant))
    _finish(platform, released, meant, now=now, by=by)
    return platform.read(function).ledger.entries[-1]


def roll_back(
    platform: Platform, function: str, *, now: float, by: str, version: str = "", reason: str = ""
) -> Entry:
    """Let the version before answer, or the one named; a canary under way is taken back."""
    released = platform.read(function)
    target = way_back(released, version)
    canary = released.canary
    if canary is None or target != canary.baseline:
        if canary is not None:
            ended = rules.ended(rules.roll_back(canary, f"gone back to {target}"))
            released = _keep(platform, released, replace(released.ledger, canary=ended))
        return _move(platform, released, target, "rollback", reason, now=now, by=by)
    meant = rules.roll_back(canary, reason or "taken back by hand")
    released = _keep(platform, released, replace(released.ledger, canary=meant))
    _finish(platform, released, meant, now=now, by=by)
    return platform.read(function).ledger.entries[-1]


def deployed(
    platform: Platform, function: str, number: str, *, hold: bool, now: float, by: str
) -> None:
    """A deploy has published `number`: it answers from now on, unless it is held back, or answers
    already.  The first of a function is never held back: nobody else could answer."""
    released = platform.read(function)
    if released.split is not None and (hold or released.split == Split(number)):
        return
    _move(platform, released, number, "deploy", "", now=now, by=by)


def set_alias(
    platform: Platform, function: str, alias: str, version: str, *, now: float, by: str
) -> str:
    """Let `alias` name a version; the one that requests go by waits for the end of a canary."""
    released = platform.read(function)
    number = known(released, version)
    if alias != LIVE:
        platform.name_version(released, alias, number)
        return number
    refuse_under_way(released)
    if released.split is None or released.split != Split(number):
        _move(platform, released, number, "alias", "", now=now, by=by)
    return number


def clean(platform: Platform, function: str, keep: int) -> tuple[str, ...]:
    """Remove the oldest versions so that `keep` are left; returns which were removed."""
    released = platform.read(function)
    found = stale(released, keep)
    for each in found:
        platform.remove(released, each)
    return found


def judged(
    canary: Canary, facts: tuple[Facts, Facts], judges: Mapping[str, Judge]
) -> tuple[Answer, ...]:
    """What each gate says; below the least number of requests none decides."""
    new, baseline = facts
    if new.requests < canary.least:
        why = (
            f"is not decided: version {canary.new} has answered {new.requests:.0f} of the "
            f"{canary.least} requests that a decision needs"
        )
        return tuple(Answer(each, "waits", f"{each} {why}") for each in canary.gates)
    return tuple(ask(parse(each), new, baseline, judges) for each in canary.gates)


def _shift(platform: Platform, released: Released, canary: Canary, now: float) -> Canary:
    split = Split(canary.baseline, canary.new, canary.share, canary.sticky)
    platform.send(released, split)
    counted = platform.mark(canary)
    watched = replace(rules.shifted(canary, now=now), counted=counted)
    _keep(platform, released, replace(released.ledger, canary=watched))
    return watched


def _finish(
    platform: Platform, released: Released, canary: Canary, *, now: float, by: str
) -> Canary:
    """Send the requests where the canary ends, and write that down."""
    forward = canary.phase == "promoting"
    version, was = (canary.new, canary.baseline) if forward else (canary.baseline, canary.new)
    platform.send(released, Split(version))
    kind: Kind = "promote" if forward else "rollback"
    entry = Entry(now, by, kind, version, was, released.digest(version), canary.reason)
    ended = rules.ended(canary)
    _keep(platform, released, replace(released.ledger.with_entry(entry), canary=ended))
    return ended


def _move(
    platform: Platform,
    released: Released,
    version: str,
    kind: Kind,
    reason: str,
    *,
    now: float,
    by: str,
) -> Entry:
    """Send every request to `version`.  Kept first: a record of what did not come to pass is seen
    from who answers, one that is missing is not."""
    was = released.split.stable if released.split else ""
    entry = Entry(now, by, kind, version, was, released.digest(version), reason)
    released = _keep(platform, released, released.ledger.with_entry(entry))
    platform.send(released, Split(version))
    return entry


def _keep(platform: Platform, released: Released, ledger: Ledger) -> Released:
    platform.keep(released, ledger)
    return replace(released, ledger=ledger)


def _refuse_moved(released: Released, canary: Canary) -> None:
    wanted = Split(canary.baseline, canary.new, canary.share)
    has = released.split
    if has is not None and (has.stable, has.new) == (wanted.stable, wanted.new):
        if abs(has.share - wanted.share) < 0.005:
            return
    raise CannotRelease(
        f"somebody else has sent the requests of {released.function!r} elsewhere: "
        f"{told(has)}, and the canary wants {told(wanted)}; `pelton rollback "
        f"{released.function}` or `pelton promote {released.function} --force` ends it"
    )


def told(split: Split | None) -> str:
    """Who answers, in words.

    >>> told(Split("3", "4", 0.1)), told(Split("3"))
    ('version 3, and version 4 10% of them', 'version 3')
    """
    if split is None:
        return "nobody is named"
    more = f", and version {split.new} {percent(split.share)} of them" if split.new else ""
    return f"version {split.stable}{more}"


def no_canary(released: Released) -> str:
    """That no canary is under way, and what became of the last."""
    last, name = released.ledger.canary, released.function
    if last is None:
        return f"no canary of {name!r} is under way; `pelton canary {name} 10%` begins one"
    why = f": {last.reason}" if last.reason else ""
    return (
        f"no canary of {name!r} is under way; the last, of version {last.new} on "
        f"{moment(last.began)}, was {last.phase.replace('-', ' ')}{why}"
    )


__all__ = [
    "Clock",
    "Turn",
    "clean",
    "deployed",
    "judged",
    "look",
    "no_canary",
    "promote",
    "roll_back",
    "set_alias",
    "start",
    "told",
    "watch",
]
