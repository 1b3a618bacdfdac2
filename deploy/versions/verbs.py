"""What the commands do: canary, promote, rollback, alias, on any platform.

The rules are data elsewhere (`canary`, `release`); here they are followed: what may not be is
refused, then one of `moves` is made.  Looking at a canary is in `watching`, and offered here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..errors import CannotRelease
from . import canary as rules
from .canary import Canary, Step
from .gates import Gate, Judge
from .ledger import Entry
from .moves import finish, keep, move, shift
from .release import (
    LIVE,
    Platform,
    Split,
    known,
    live_of,
    next_version,
    refuse_metrics,
    refuse_under_way,
    stale,
    way_back,
)
from .watching import LOOK, Clock, Turn, judged, look, no_canary, watch


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
    released = keep(platform, released, replace(released.ledger, canary=begun))
    return shift(platform, released, begun, now)


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
        return move(platform, released, new, "promote", reason, now=now, by=by)
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
    released = keep(platform, released, replace(released.ledger, canary=meant))
    finish(platform, released, meant, now=now, by=by)
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
            released = keep(platform, released, replace(released.ledger, canary=ended))
        return move(platform, released, target, "rollback", reason, now=now, by=by)
    meant = rules.roll_back(canary, reason or "taken back by hand")
    released = keep(platform, released, replace(released.ledger, canary=meant))
    finish(platform, released, meant, now=now, by=by)
    return platform.read(function).ledger.entries[-1]


def deployed(
    platform: Platform, function: str, number: str, *, hold: bool, now: float, by: str
) -> None:
    """A deploy has published `number`: it answers from now on, unless it is held back, or answers
    already.  The first of a function is never held back: nobody else could answer."""
    released = platform.read(function)
    if released.split is not None and (hold or released.split == Split(number)):
        return
    move(platform, released, number, "deploy", "", now=now, by=by)


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
        move(platform, released, number, "alias", "", now=now, by=by)
    return number


def clean(platform: Platform, function: str, keep: int) -> tuple[str, ...]:
    """Remove the oldest versions so that `keep` are left; returns which were removed."""
    released = platform.read(function)
    found = stale(released, keep)
    for each in found:
        platform.remove(released, each)
    return found


__all__ = [
    "LOOK",
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
    "watch",
]
