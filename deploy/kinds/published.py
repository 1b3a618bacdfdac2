"""What the kinds of published functions have in common; `release` (Lambda) and `nuclio_release` are
the kinds.

A deploy publishes when the app has changed, and not because somebody has rolled back; while a
canary is under way it publishes only what is held back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from ..errors import CannotPlan
from ..versions.release import LIVE
from .base import Change, Resource


@dataclass(frozen=True, kw_only=True)
class Published(Resource):
    """A published function, by its name.

    published: what the last deploy published, as a digest of code and settings
    keep:      how many versions are left when there are more
    hold:      publish, and let the one that answers be
    by:        who deploys
    live:      live only: the version that answers, "" for none
    canary:    live only: the version of a canary that is under way

    What a kind says of itself: option: what commands about it end with; going_on: what becomes of
    the version that answers, where a new one is held back
    """

    part: ClassVar[str] = "alias"
    option: ClassVar[str] = ""
    going_on: ClassVar[str] = "{was} goes on"

    published: str = ""
    keep: int = field(default=10, compare=False)
    hold: bool = field(default=False, compare=False)
    by: str = field(default="", compare=False)
    live: str = field(default="", compare=False)
    canary: str = field(default="", compare=False)

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is not None and have.live and have.published == self.published:
            return
        if have is not None and have.canary and not self.hold:
            raise CannotPlan(
                f"a canary of {self.name!r} is under way, with version {have.canary}: end it first "
                f"with `pelton promote {self.name}{self.option}` or `pelton rollback {self.name}"
                f"{self.option}`, or deploy with --hold"
            )
        was = f"version {have.live}" if have and have.live else None
        cause = self.causes.get("", "")
        if self.hold and was:
            new = f"a new one; {self.going_on.format(was=was)}"
            yield Change(self.part, "version", None, new, cause)
        else:
            yield Change(self.part, LIVE, was, "a new version", cause)
