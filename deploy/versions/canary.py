"""A canary: a new version gets a share of the requests, step by step, and takes over or is taken
back.  The rules alone, as a table over data; no platform, no clock, no file.

phase          the requests                        next
shifting       on their way to the step's share    watching
watching       shared as the step says             shifting (the next step), promoting, rolling-back
promoting      on their way to the new version     promoted
rolling-back   on their way to the old one         rolled-back
promoted, rolled-back                              (the end)

A phase is kept before it is acted on, and acting on it twice is as good as once: whoever finds a
canary in any phase, after a kill too, can take it up.

>>> canary = begin("hello", "3", "4", [Step(0.1, 900.0)], ["errors<1%"], now=0.0, by="ana")
>>> canary.phase, canary.share
('shifting', 0.1)
>>> decide(shifted(canary, now=1.0), [], now=2.0).phase
'watching'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from .gates import Answer

Phase = Literal["shifting", "watching", "promoting", "rolling-back", "promoted", "rolled-back"]
OVER = ("promoted", "rolled-back")
LEAST = 20


@dataclass(frozen=True, slots=True)
class Step:
    """A share of the requests (0 to 1) and for how many seconds; None: until somebody says."""

    share: float
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Canary:
    """One canary.  Moments are seconds since the epoch.

    baseline, new: versions;  at: which step;  since: when that began;  least: requests of the new
    version, below which no gate decides;  patience: seconds beyond a step's own in which it must
    be decided, None for as long as it takes;  counted: what a platform had counted before;
    sticky: what of a request decides who answers it, "" draws
    """

    function: str
    baseline: str
    new: str
    steps: tuple[Step, ...]
    gates: tuple[str, ...] = ()
    least: int = LEAST
    patience: float | None = None
    phase: Phase = "shifting"
    at: int = 0
    began: float = 0.0
    since: float = 0.0
    by: str = ""
    reason: str = ""
    counted: Mapping[str, Mapping[str, float]] | None = None
    sticky: str = ""

    @property
    def share(self) -> float:
        """The share of the requests that the new version is to have, 0 to 1."""
        if self.phase in ("promoting", "promoted"):
            return 1.0
        return 0.0 if self.phase in ("rolling-back", "rolled-back") else self.steps[self.at].share

    @property
    def over(self) -> bool:
        return self.phase in OVER

    @property
    def ends(self) -> float | None:
        """When the step's time is up; None when nobody said."""
        seconds = self.steps[self.at].seconds
        return None if seconds is None else self.since + seconds

    def document(self) -> dict[str, Any]:
        """JSON-ready; `read` is the way back."""
        return asdict(self)


def read(document: Mapping[str, Any]) -> Canary:
    """The canary that `document` says.

    >>> canary = begin("hello", "3", "4", [Step(0.1)], [], now=0.0)
    >>> read(canary.document()) == canary
    True
    """
    return Canary(
        **{
            **document,
            "steps": tuple(Step(**each) for each in document["steps"]),
            "gates": tuple(document["gates"]),
        }
    )


def begin(
    function: str,
    baseline: str,
    new: str,
    steps: Sequence[Step],
    gates: Iterable[str],
    *,
    now: float,
    least: int = LEAST,
    patience: float | None = None,
    by: str = "",
    sticky: str = "",
) -> Canary:
    """A canary that is about to send the new version its first share."""
    return Canary(
        function,
        baseline,
        new,
        tuple(steps),
        tuple(gates),
        least,
        patience,
        began=now,
        since=now,
        by=by,
        sticky=sticky,
    )


def shifted(canary: Canary, *, now: float) -> Canary:
    """The requests are shared as the step says, from now on."""
    return replace(canary, phase="watching", since=now)


def ended(canary: Canary) -> Canary:
    """The requests go where the phase has sent them."""
    phases: dict[Phase, Phase] = {"promoting": "promoted", "rolling-back": "rolled-back"}
    return replace(canary, phase=phases[canary.phase])


def promote(canary: Canary, reason: str) -> Canary:
    """All requests are to go to the new version."""
    return replace(canary, phase="promoting", reason=reason)


def roll_back(canary: Canary, reason: str) -> Canary:
    """All requests are to go to the old version again."""
    return replace(canary, phase="rolling-back", reason=reason)


def decide(canary: Canary, answers: Sequence[Answer], *, now: float) -> Canary:
    """What becomes of a canary that is watched: a gate that fails ends it at once, a step's time
    that is up with every gate passed leads on, and else it stays as it is."""
    if canary.phase != "watching":
        return canary
    for each in answers:
        if each.verdict == "fails":
            return roll_back(canary, each.why)
    if canary.ends is None or now < canary.ends:
        return canary
    waits = next((each for each in answers if each.verdict == "waits"), None)
    if waits is None:
        return _on(canary, now)
    if canary.patience is not None and now >= canary.ends + canary.patience:
        return roll_back(canary, f"{waits.why}; it was waited for long enough")
    return canary


def _on(canary: Canary, now: float) -> Canary:
    if canary.at + 1 < len(canary.steps):
        return replace(canary, phase="shifting", at=canary.at + 1, since=now)
    held = f", {', '.join(canary.gates)} held" if canary.gates else ""
    return promote(canary, f"its time is up{held}")
