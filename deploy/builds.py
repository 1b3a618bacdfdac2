"""What is built for one deploy: functions, for their platforms, and what each may do there.

For the emulator, artifacts are for the interpreters that its health answer names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..builders import Artifact, Resolver, Target, build
from ..builders.provenance import WorkingCopy
from ..handlers.function import Function
from ..handlers.platforms import LAMBDA_PACKAGES, NUCLIO_PACKAGES
from .place import Place
from .wants import common
from .where import LEAST, Where

if TYPE_CHECKING:
    from .policy.least import Least


@dataclass
class Builds:
    """
    health:   the emulator's answer; empty for a real account
    package:  the kind of artifact, instead of the one that the functions' settings name
    warnings: of what roles allow
    """

    root: Path
    out: Path
    where: Where
    health: dict[str, Any]
    resolver: Resolver | None = None
    package: str = ""
    artifacts: list[Artifact] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def built(self, function: Function[..., Any], platform: str, place: Place) -> common.Built:
        """The function's artifact for a platform, and what a deploy asks of it."""
        artifact = self._artifact(function, platform)
        through_s3 = artifact.needs_s3 or artifact.package == "archive"
        return common.Built(
            artifact,
            artifact.target.architecture,
            where=common.where_of(function, self.root),
            sources=artifact.sources,
            bucket=place.bucket if through_s3 else "",
            least=self._least(function, place) if platform == "lambda" else None,
            origins=self.where.origins.get(function.name, {}),
        )

    @cached_property
    def _copy(self) -> WorkingCopy:
        return WorkingCopy(self.root.resolve())

    def _artifact(self, function: Function[..., Any], platform: str) -> Artifact:
        if self.where.to == "local":
            target = Target.local(platform, self.health, function)
        else:
            target = Target.aws(function) if platform == "lambda" else Target.nuclio(function)
        artifact = build(
            function,
            target,
            resolver=self.resolver,
            root=self.root,
            out=self.out,
            package=self._package_on(platform),
            copy=self._copy,
        )
        self.artifacts.append(artifact)
        return artifact

    def _package_on(self, platform: str) -> str:
        """Of two platforms, only one may have artifacts of the kind that was asked for."""
        known = LAMBDA_PACKAGES if platform == "lambda" else NUCLIO_PACKAGES
        other = len(self.where.platforms) > 1 and self.package not in known
        return "" if other else self.package

    def _least(self, function: Function[..., Any], place: Place) -> Least | None:
        """What the function may do, where it names no role and none is given for it."""
        given = self.where.role or ("" if self.where.to == "aws" else "shared")
        if function.settings.aws.role or given not in ("", LEAST):
            return None
        from .policy.arns import Account as Owner
        from .policy.least import least_policy, records_of

        owner = Owner(place.partition, place.region, place.account)
        least = least_policy(function, self.root, owner, records_of(self.root))
        self.warnings += (f"{function.name}: {each}" for each in least.warnings)
        return least
