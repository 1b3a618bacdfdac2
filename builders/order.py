"""What is asked of one build, and what is kept of it, as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..handlers.function import Function
from . import kept
from .artifacts.base import Artifact, Kind
from .interpreters import there
from .sources import graphs_of
from .target import Target

if TYPE_CHECKING:
    from .gathered import Gathered
    from .lockfile import Package


@dataclass(frozen=True, slots=True)
class Built:
    """What is kept of a build: the artifact, which of the user's files are in it, and the version
    of pelton that built it (to ask for it takes longer than all the rest)."""

    artifact: Artifact
    places: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of one build; see `build`."""

    function: Function[..., Any]
    target: Target
    kind: Kind
    root: Path
    out: Path
    gathered: Gathered | None
    trim: tuple[str, ...]
    budget: int | None
    measure: bool

    @property
    def packages(self) -> tuple[Package, ...]:
        """The requirements that go into the artifact."""
        return self.gathered.packages if self.gathered and self.kind.inside else ()

    @property
    def key(self) -> str:
        """Everything that is said of the build, and not in a file that it looks at."""
        function, gathered = self.function, self.gathered
        graphs = [(each.modules(), each.files()) for each in graphs_of(function)]
        brought = (gathered.home, gathered.asked) if gathered else ()
        return kept.key_of(
            function.app.name, function.name, function.module, function.settings,
            self.target, self.kind.name, self.root, self.out.resolve(), self.trim, self.budget,
            self.measure, graphs, brought, there(self.target.python), kept.own_digest(),
        )  # fmt: skip
