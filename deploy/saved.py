"""A plan in a file, to be applied later: exactly it, or not at all.

What is kept is the plan as people see it, with a digest of everything that it was made from, and
no secret.  Applying makes the plan anew from the app and the world; where anything is not what it
was, it is refused with what moved.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import PlanMoved
from .kinds.base import Resource, salted
from .plan import Plan

VERSION = 1


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan and what it was made from.

    file, only, options: as given to `pelton plan`
    place:     account and region
    serial:    of the state; 0 for none
    artifacts: their digests, by function and platform
    live:      a digest of what was there, by key
    salt:      hex, of those digests; "" in plans of before there were any
    plan:      `Plan.document()`
    """

    file: str
    place: str
    serial: int
    artifacts: Mapping[str, str]
    live: Mapping[str, str]
    plan: Mapping[str, Any]
    only: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    salt: str = ""

    def write(self, path: Path) -> None:
        """Into a file; raises `PlanMoved` where it cannot be written."""
        try:
            path.write_text(json.dumps({"pelton_plan": VERSION, **asdict(self)}, indent=1) + "\n")
        except OSError as error:
            raise PlanMoved(f"the plan cannot be written to {path}: {error.strerror}") from error

    @classmethod
    def read(cls, path: Path) -> SavedPlan:
        """From a file; raises `PlanMoved` for what is no plan, or one of a newer pelton."""
        try:
            text = path.read_text()
        except OSError as error:
            why = error.strerror or error
            raise PlanMoved(
                f"{path} cannot be read ({why}); `pelton plan --out {path}` makes one"
            ) from None
        try:
            document = json.loads(text)
            version = document.pop("pelton_plan")
            if version > VERSION:
                raise PlanMoved(f"{path} is a plan of a newer pelton: plan again with this one")
            return cls(**document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PlanMoved(f"{path} is no saved plan ({error}); make one with --out") from None

    def refuse_moved(self, now: SavedPlan) -> None:
        """Raise `PlanMoved` that names everything that is not what it was."""
        moved = list(_moved(self, now))
        if moved:
            said = "; ".join(moved)
            raise PlanMoved(
                f"the saved plan is not applied, for the world has moved: {said}; plan again"
            )


def live_digests(live: Mapping[str, Resource], salt: str = "") -> dict[str, str]:
    """A digest of each resource's own values: what others count in it does not matter."""
    return {key: salted(_values(each), salt) for key, each in sorted(live.items())}


def _values(resource: Resource) -> dict[str, Any]:
    known = type(resource).__dataclass_fields__
    return {name: getattr(resource, name) for name, each in known.items() if each.compare}


def _moved(then: SavedPlan, now: SavedPlan) -> Iterator[str]:
    if then.place != now.place:
        yield f"it was made for {then.place}, and the credentials are for {now.place}"
        return
    if then.serial != now.serial:
        yield f"somebody has deployed since (state {then.serial}, now {now.serial})"
    for key in sorted({*then.artifacts, *now.artifacts}):
        if then.artifacts.get(key) != now.artifacts.get(key):
            yield f"the code of {key} is not what was planned"
    for key in sorted({*then.live, *now.live}):
        if then.live.get(key) != now.live.get(key):
            # What nothing asks for any more is not looked for.
            gone = "is gone, or not asked for any more"
            what = gone if key not in now.live else "was changed"
            yield f"{key} {'is new' if key not in then.live else what}"
    if then.plan["steps"] != json.loads(json.dumps(now.plan["steps"], default=str)):
        yield "what the app asks for leads to other steps"


def as_saved(
    plan: Plan,
    *,
    file: str,
    place: str,
    serial: int,
    artifacts: Mapping[str, str],
    only: Sequence[str],
    options: Mapping[str, Any],
    salt: str | None = None,
) -> SavedPlan:
    """A plan with what it was made from.

    salt: that of the plan that it is compared with; None: one of its own
    """
    salt = secrets.token_hex(16) if salt is None else salt
    document = json.loads(json.dumps(plan.document(), default=str))
    live = live_digests(plan.live, salt)
    return SavedPlan(
        file, place, serial, artifacts, live, document, list(only), dict(options), salt
    )
