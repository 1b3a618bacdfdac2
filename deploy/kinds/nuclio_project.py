"""The Nuclio project that an app's functions live in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import OURS, Change, Resource

if TYPE_CHECKING:
    from ..targets.target import Target

_NOT_EMPTY = (409, 412)


@dataclass(frozen=True, kw_only=True)
class NuclioProject(Resource):
    """A project, by its name."""

    kind: ClassVar[str] = "nuclio_project"
    platform: ClassVar[str] = "nuclio"
    shared: ClassVar[bool] = True
    on_demand: ClassVar[bool] = True

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is None:
            yield Change(self.part, "project", None, self.name)

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        assert target.nuclio is not None
        found = target.nuclio.get(f"/api/projects/{name}", name)
        return None if found is None else cls(name=name, app=OURS)

    def create(self, target: Target) -> None:
        assert target.nuclio is not None
        body = {"metadata": {"name": self.name, "namespace": "nuclio"}, "spec": {}}
        target.nuclio.call("POST", "/api/projects", self.name, json=body, fine=(409,))

    def delete(self, target: Target) -> None:
        """One that has others' functions stays."""
        assert target.nuclio is not None
        body = {"metadata": {"name": self.name, "namespace": "nuclio"}}
        fine = (404, *_NOT_EMPTY)
        target.nuclio.call("DELETE", "/api/projects", self.name, json=body, fine=fine)
