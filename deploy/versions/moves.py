"""What changes a release, step by step: the record is kept, then the requests are sent.

In an order that a kill at any place leaves to be taken up: what is meant is kept first, then the
requests are sent there, then it is kept that they are.  Whether a step may be taken is not asked
here (`verbs`, `watching`).
"""

from __future__ import annotations

from dataclasses import replace

from . import canary as rules
from .canary import Canary
from .ledger import Entry, Kind, Ledger
from .release import Platform, Released, Split


def keep(platform: Platform, released: Released, ledger: Ledger) -> Released:
    """Keep the record; what is released, with it."""
    platform.keep(released, ledger)
    return replace(released, ledger=ledger)


def shift(platform: Platform, released: Released, canary: Canary, now: float) -> Canary:
    """Send the new version the share of its step, and watch it from then on."""
    split = Split(canary.baseline, canary.new, canary.share, canary.sticky)
    platform.send(released, split)
    counted = platform.mark(canary)
    watched = replace(rules.shifted(canary, now=now), counted=counted)
    keep(platform, released, replace(released.ledger, canary=watched))
    return watched


def finish(
    platform: Platform, released: Released, canary: Canary, *, now: float, by: str
) -> Canary:
    """Send the requests where the canary ends, and write that down."""
    forward = canary.phase == "promoting"
    version, was = (canary.new, canary.baseline) if forward else (canary.baseline, canary.new)
    platform.send(released, Split(version))
    kind: Kind = "promote" if forward else "rollback"
    entry = Entry(now, by, kind, version, was, released.digest(version), canary.reason)
    ended = rules.ended(canary)
    keep(platform, released, replace(released.ledger.with_entry(entry), canary=ended))
    return ended


def move(
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
    released = keep(platform, released, released.ledger.with_entry(entry))
    platform.send(released, Split(version))
    return entry
