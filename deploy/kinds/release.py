"""What is published of a Lambda function: a version for each deploy, and the alias `live` that the
function's triggers call, where the app asks for that (`versions=`).

A tag says which code and settings the last deploy published.  So a deploy publishes when the app
has changed, and not because somebody has rolled back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..errors import CannotPlan
from .base import OURS, Change, Resource, dump
from .function import LambdaFunction

if TYPE_CHECKING:
    from ..targets.target import Target

LIVE = "live"
RELEASE_TAG = "pelton:release"
_SAID = (
    "runtime",
    "handler",
    "role",
    "architecture",
    "memory",
    "timeout",
    "description",
    "environment",
    "ephemeral_mb",
    "digest",
    "layers",
)


@dataclass(frozen=True, kw_only=True)
class Release(Resource):
    """A published function, by its name.

    published: what the last deploy published, as a digest of code and settings
    keep:      how many versions are left when there are more
    hold:      publish, and let the one that answers be
    by:        who deploys
    live:      live only: the version that answers, "" for none
    canary:    live only: the version of a canary that is under way
    """

    kind: ClassVar[str] = "release"
    part: ClassVar[str] = "alias"

    published: str = ""
    keep: int = field(default=10, compare=False)
    hold: bool = field(default=False, compare=False)
    by: str = field(default="", compare=False)
    live: str = field(default="", compare=False)
    canary: str = field(default="", compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"function:{self.name}", *self.after)

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is not None and have.live and have.published == self.published:
            return
        if have is not None and have.canary and not self.hold:
            raise CannotPlan(
                f"a canary of {self.name!r} is under way, with version {have.canary}: end it first "
                f"with `pelton promote {self.name}` or `pelton rollback {self.name}`, or deploy "
                "with --hold"
            )
        was = f"version {have.live}" if have and have.live else None
        cause = self.causes.get("", "")
        if self.hold and was:
            yield Change(self.part, "version", None, f"a new one; {LIVE} stays {was}", cause)
        else:
            yield Change(self.part, LIVE, was, "a new version", cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, LIVE, f"version {self.live}" if self.live else "there", None)

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        from ..errors import CannotRelease
        from ..versions.aws import LambdaVersions

        try:
            found = LambdaVersions(target.aws).read(name)
        except CannotRelease:
            return None
        if found.split is None:
            return None
        tags = LambdaVersions(target.aws).tags(name)
        canary = found.canary
        return cls(
            name=name,
            function=name,
            app=OURS,
            published=tags.get(RELEASE_TAG, ""),
            live=found.split.stable,
            canary=canary.new if canary else "",
        )

    def create(self, target: Target) -> None:
        from time import time

        from ..versions.aws import LambdaVersions
        from ..versions.verbs import clean, deployed

        versions = LambdaVersions(target.aws)
        number = versions.publish(self.name)
        deployed(versions, self.name, number, hold=self.hold, now=time(), by=self.by)
        versions.tag(self.name, {RELEASE_TAG: self.published})
        clean(versions, self.name, self.keep)

    def delete(self, target: Target) -> None:
        """It goes with its function; `live` stays where only `versions=` was taken out, as callers
        know its address."""

    def keeps(self) -> str:
        return "the alias `live` has callers; it goes with its function"


def published(function: LambdaFunction) -> str:
    """Code and settings in a word: the same word is the same version.

    >>> hello = LambdaFunction(name="hello", runtime="python3.12", handler="h.h", role="r")
    >>> published(hello) == published(hello), len(published(hello))
    (True, 16)
    """
    document = dump(function)
    said = json.dumps({name: document[name] for name in _SAID}, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]
