"""Champion and challengers: all see every event, one answers, and another can take its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..fit import union
from ..kit.base import Branches, Step
from ..kit.hold import named_members
from ..refer import Place, place, wrong
from ..spec import StepSpec
from .shadow import Settings, Shadowed, settings_of


class Champion(Shadowed):
    """See `champion`; made by it, so that `promote` can be asked of it."""

    def __init__(
        self, branches: Branches, first: str, settings: Settings, name: str, at: Place
    ) -> None:
        known = [str(key) for key, _ in branches]
        if first not in known:
            what = f"champion {name!r} has no member {first!r} to answer"
            raise wrong(what, f"its members are {', '.join(known)}", at=at)
        super().__init__("champion", branches, first, settings, name, at)
        self.output_type = union(self.outputs())

    def may_answer(self, key: str) -> bool:
        return True

    def may_shadow(self, key: str) -> bool:
        return True

    @property
    def champion(self) -> str:
        """Who answers on this worker now.  Raises `NotReady` where no graph with it is loaded."""
        return self.board().champion

    def promote(self, member: str) -> None:
        """Let another member answer from the next event on, on this worker, while it is loaded.

        Raises `KeyError` for what is no member, `NotReady` as `champion` does.
        """
        board = self.board()
        if member not in board.all():
            raise KeyError(f"{member!r} is no member; there are {', '.join(board.all())}")
        board.champion = member


def champion(
    step: Any,
    *challengers: Any,
    compare: Callable[[Any, Any], bool] | None = None,
    tolerance: float = 0.0,
    room: int = 100,
    name: str = "champion",
) -> Champion:
    """A step that answers, the champion, and challengers that are asked aside as shadows are.

    `promote("name")` of the step lets a challenger answer, and the champion is then the one that
    is compared; `tallies()` says how the answers compared.  Both belong to one worker.  To change
    who answers on all of them, name another first and deploy.

    step:        who answers at first
    challengers, compare, tolerance, room: as the shadows of `shadow`

    Raises `GraphError` as `shadow` does.

    >>> from pelton import Graph
    >>> def old(x: int) -> int:
    ...     return x
    >>> def new(x: int) -> int:
    ...     return x + 1
    >>> rivals = champion(old, new, name="doc")
    >>> graph = Graph("g", int) >> rivals
    >>> graph(1)
    1
    >>> rivals.promote("new")
    >>> graph(1)
    2
    >>> graph.stop()
    """
    at = place()
    branches = named_members((step, *challengers), f"champion {name!r}", at)
    if len(branches) < 2:
        raise wrong(f"champion {name!r} has no challenger", "give a second step", at=at)
    settings = Settings(compare, tolerance, room)
    return Champion(branches, str(branches[0][0]), settings, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    """The step that a spec says."""
    return Champion(branches, spec.option("first"), settings_of(spec), spec.name, at)
