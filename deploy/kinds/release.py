"""What is published of a Lambda function: a version for each deploy, and the alias `live` that the
function's triggers call, where the app asks for that (`versions=`).

A tag says which code and settings the last deploy published.  So a deploy publishes when the app
has changed, and not because somebody has rolled back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from ..versions.release import LIVE
from .base import OURS, Change, dump
from .function import LambdaFunction
from .published import Published

if TYPE_CHECKING:
    from ..targets.target import Target

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
# Said where there are any: what was published before they were known says nothing of them.
_SAID_OF_SOME = ("dead_letter", "subnets", "security_groups")


@dataclass(frozen=True, kw_only=True)
class Release(Published):
    """See `Published`; what answers is what the alias `live` names."""

    kind: ClassVar[str] = "release"
    going_on: ClassVar[str] = f"{LIVE} stays {{was}}"

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"function:{self.name}", *self.after)

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        if action != "create":
            return ""
        return (
            f"the code of the {self.keep} newest versions is kept, and counts towards the "
            "account's storage for code"
        )

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

    @classmethod
    def pointing(cls, target: Target, function: str) -> Iterator[str]:
        with target.aws.ignoring("ResourceNotFoundException"):
            target.aws.client("lambda").get_alias(FunctionName=function, Name=LIVE)
            yield function

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
    names = (*_SAID, *(name for name in _SAID_OF_SOME if document[name]))
    said = json.dumps({name: document[name] for name in names}, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]
