"""What wanting a function takes on every platform: its artifact's facts, its own line, names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...builders import Artifact
from ...handlers.function import Function
from ...handlers.triggers import Http
from ..versions.release import LIVE

if TYPE_CHECKING:
    from ..policy.least import Least


@dataclass(frozen=True, slots=True)
class Built:
    """An artifact as a plan speaks of it.

    sources:  the user's files, with a digest of each, by place
    packages: what is in it, with its size in bytes
    where:    the function's own line, "app.py:12"
    """

    artifact: Artifact
    architecture: str
    where: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    bucket: str = ""  # through S3 when set
    least: Least | None = None  # what it may do, where a role is made for it
    origins: Mapping[str, str] = field(default_factory=dict)  # of settings that a file says, by key

    @property
    def path(self) -> str:
        """Its key in the bucket: made of its content."""
        return f"{self.artifact.function}/{self.artifact.sha256}.zip" if self.bucket else ""

    @property
    def packages(self) -> dict[str, int]:
        return {each.name: each.size for each in self.artifact.report.packages}

    @property
    def import_ms(self) -> float | None:
        """How long it takes to import, where a build has measured that."""
        times = getattr(self.artifact, "imports", None)
        return round(times.total) if times is not None and times.runs else None

    @property
    def causes(self) -> dict[str, str]:
        """Where each value comes from: the function's own line, the key of a settings file, the
        requirement that brings a distribution in."""
        more = (*_fields(self.origins), *_brought(self.artifact, self.where))
        return {"": self.where, **dict(more)}


def _fields(origins: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Settings' origins by the fields of resources."""
    for key, origin in origins.items():
        for each in ("subnets", "security_groups") if key == "vpc" else (key,):
            yield each, origin


def _brought(artifact: Artifact, where: str) -> Iterator[tuple[str, str]]:
    """By distribution that a requirement brings in, which one, and over which."""
    requirers = artifact.report.requirers
    for key, chain in requirers.chains.items():
        if len(chain) > 1:
            yield f"dependencies.{key}", f"{where}: {' > '.join(chain)}"


@dataclass(frozen=True, slots=True)
class Releasing:
    """How versions are released.

    hold: publish, and let the version that answers be;  by: who deploys
    """

    hold: bool = False
    by: str = ""


AT_ONCE = Releasing()


def where_of(function: Function[..., Any], root: Path) -> str:
    """A function's own line, from the app's folder."""
    path = Path(function.file)
    try:
        path = path.resolve().relative_to(root.resolve())
    except ValueError:
        pass
    return f"{path}:{function.line}"


def called(function: Function[..., Any]) -> str:
    """What triggers call: the function, or its alias where the app keeps versions."""
    return f"{function.name}:{LIVE}" if function.settings.versions else function.name


def after(function: Function[..., Any]) -> tuple[str, ...]:
    """The keys of what must be there before what triggers call is."""
    return (f"release:{function.name}",) if function.settings.versions else ()


def routes_of(function: Function[..., Any]) -> tuple[str, ...]:
    """Methods and paths of the function's HTTP triggers."""
    return tuple(each.route for each in function.triggers if isinstance(each, Http))


def role_name(app: str, function: str, suffix: str = "") -> str:
    """The name of a function's role; of at most 64 characters, as IAM wants it.

    >>> role_name("shop", "score"), len(role_name("a" * 60, "b" * 60))
    ('pelton-shop-score', 64)
    """
    name = "-".join(each for each in ("pelton", app, function, suffix) if each)
    return name if len(name) <= 64 else f"{name[:55]}-{_digest(name)}"


def rule_name(function: str, what: str) -> str:
    """The name of a function's rule or schedule, of at most 64 characters; '.' is in no
    function's name.

    >>> rule_name("score", "on0")
    'score.on0'
    """
    if len(function) <= 58:
        return f"{function}.{what}"
    return f"{function[:48]}.{_digest(function)}.{what}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
