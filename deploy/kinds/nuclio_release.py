"""What is published of a Nuclio function: a version for each deploy, one of which answers, where
the app asks for that (`versions=`).

It stands in the function's place: whether a deploy lets the function run what it has published is a
matter of releases.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..errors import CannotRelease
from .base import Change
from .nuclio_function import NuclioFunction
from .published import Published

if TYPE_CHECKING:
    from ..targets.target import Target


@dataclass(frozen=True, kw_only=True)
class NuclioRelease(Published):
    """See `Published`.

    spec … labels: the configuration, as of `nuclio_function`; live that of the last deploy
    namespace … zipped: wanted only
    """

    kind: ClassVar[str] = "nuclio_release"
    platform: ClassVar[str] = "nuclio"
    tagged: ClassVar[bool] = True
    option: ClassVar[str] = " --on nuclio"

    project: str = field(default="", compare=False)
    spec: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    digest: str = field(default="", compare=False)
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)
    namespace: str = field(default="nuclio", compare=False)
    bucket: str = field(default="", compare=False)
    path: str = field(default="", compare=False)
    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    zipped: int = field(default=0, compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        return self.configured.needs

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        found = tuple(super().changes(have, last))
        if found and have is not None and have.digest:
            yield from self.configured.changes(have.configured, last)
        yield from found

    def pulls(self, changes: tuple[Change, ...]) -> bool:
        return True

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, "live", f"version {self.live}", None)

    def remembered(self, salt: str = "") -> dict[str, Any]:
        return {**super().remembered(salt), "spec": {}}

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        from ..versions.nuclio import NuclioVersions

        versions = NuclioVersions(target)
        try:
            found = versions.read(name)
        except CannotRelease:
            return None
        function = NuclioFunction.read(target, name)
        canary, record = found.canary, versions.record(name)
        last = _published_as(record.versions.values(), record.published)
        return cls(
            name=name,
            function=name,
            app=function.app if function else "",
            project=function.project if function else "",
            published=record.published,
            spec=last.get("spec", {}),
            digest=last.get("digest", ""),
            labels=last.get("labels", {}),
            live=found.split.stable if found.split else "",
            canary=canary.new if canary else "",
        )

    def create(self, target: Target) -> None:
        from time import time

        from ..versions.nuclio import NuclioVersions
        from ..versions.verbs import clean, deployed

        versions = NuclioVersions(target, self.project)
        number = versions.publish(self.configured, time())
        deployed(versions, self.name, number, hold=self.hold, now=time(), by=self.by)
        versions.tell_published(self.name, self.published)
        clean(versions, self.name, self.keep)

    def delete(self, target: Target) -> None:
        assert target.nuclio is not None
        from ..versions.nuclio import names_of

        for each in names_of(self.name):
            target.nuclio.delete("/api/functions", each, self.namespace)

    @property
    def configured(self) -> NuclioFunction:
        """The function that it is a version of, as the app wants it."""
        return NuclioFunction(
            name=self.name,
            project=self.project,
            spec=self.spec,
            digest=self.digest,
            labels=self.labels,
            namespace=self.namespace,
            bucket=self.bucket,
            path=self.path,
            after=self.after,
            causes=self.causes,
            sources=self.sources,
            zipped=self.zipped,
        )


def published(function: NuclioFunction) -> str:
    """Code and configuration in a word: the same word is the same version."""
    return _word(function.spec, function.digest, function.labels)


def _word(spec: Mapping[str, Any], digest: str, labels: Mapping[str, str]) -> str:
    said = json.dumps([dict(spec), digest, dict(labels)], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _published_as(versions: Iterable[Mapping[str, Any]], word: str) -> Mapping[str, Any]:
    """The configuration that the last deploy published; empty where it is not kept any more."""
    same = (e for e in versions if _word(e["spec"], e["digest"], e["labels"]) == word)
    return next(same, {})
