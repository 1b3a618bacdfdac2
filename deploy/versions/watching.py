"""A canary while it is under way: looks at its numbers, what its gates say, what becomes of it.

When to go on and when to go back is decided by `canary`, what a gate says by `gates`; here both are
asked, by a clock, until it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import CannotRelease, DeployError
from . import canary as rules
from .canary import Canary
from .facts import Facts
from .gates import Answer, Judge, ask, parse
from .moves import finish, keep, shift
from .release import Platform, Released, Split, moment, percent

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
        return Turn(shift(platform, released, canary, now))
    if canary.phase != "watching":
        return Turn(finish(platform, released, canary, now=now, by=by))
    _refuse_moved(released, canary)
    facts = platform.facts(canary, now)
    answers = judged(canary, facts, judges)
    decided = rules.decide(canary, answers, now=now)
    if decided != canary:
        keep(platform, released, replace(released.ledger, canary=decided))
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
