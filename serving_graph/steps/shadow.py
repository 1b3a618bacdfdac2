"""Shadows: other steps see the same events, and what they answer is compared, never returned.

A shadow runs on a thread of its own, on a copy of the value: neither its error nor its slowness
reaches the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ...handlers.errors import NotReady
from ..comparing import Board, Compare, Shadow, Tally, alike_within
from ..compile import Run
from ..kit.base import Bound, Branches, Step
from ..kit.hold import Holder, common_input, named_members
from ..refer import Place, holds_state, place, reference, resolve, wrong
from ..spec import StepSpec, canonical

if TYPE_CHECKING:
    from ..run import Worker


class Settings(NamedTuple):
    """How the answers are compared, and how many shadows may be in progress."""

    compare: Any = None
    tolerance: float = 0.0
    room: int = 100


class Shadowed(Holder):
    """Several steps on the same value, of which one answers; see `shadow` and `champion`."""

    def __init__(
        self,
        kind: str,
        branches: Branches,
        first: str,
        settings: Settings,
        name: str,
        at: Place,
    ) -> None:
        what = f"{kind} {name!r}"
        if settings.room < 1 or not 0 <= settings.tolerance < float("inf"):
            raise wrong(f"{what}: room= and tolerance= are numbers from 1 and from 0", at=at)
        options = {"room": settings.room, "tolerance": settings.tolerance, "first": first}
        if settings.compare is not None:
            options["compare"] = _written(settings.compare, what, at)
        super().__init__(kind, name, branches, at, options=canonical(options))
        self.first, self.settings = first, settings
        if settings.compare is not None:
            self.references = (reference(settings.compare),)
        self.input_type = common_input(self)
        answering = [steps for key, steps in branches if self.may_answer(str(key))]
        self.is_async = any(each.is_async for steps in answering for each in steps)
        self.drops = any(each.drops for steps in answering for each in steps)
        self.either = self.is_async and self.either

    def may_answer(self, key: str) -> bool:
        """Whether a branch's answer may be returned."""
        return key == self.first

    def may_shadow(self, key: str) -> bool:
        """Whether a branch may be asked aside."""
        return key != self.first

    def tallies(self) -> dict[str, Tally]:
        """What became of each shadow's answers on this worker.

        Raises `NotReady` where no graph with this step is loaded in this process.
        """
        return {name: each for name, each in self.board().all().items() if self.may_shadow(name)}

    def board(self) -> Board:
        """The state of this worker; raises `NotReady` as `tallies` does."""
        from ..models.shared import SHARED

        found: Board | None = SHARED.find(self._key())
        if found is None:
            what = f"{self.spec.kind} {self.name!r}"
            raise NotReady(f"no graph with the {what} is loaded in this process")
        return found

    def _key(self) -> tuple[Any, ...]:
        names = tuple(str(key) for key, _ in self.branches)
        return (self.spec.kind, self.name, names, self.spec.options)

    def bind(self, worker: Worker, path: str) -> Bound:
        from ..models.shared import Lease

        names = [str(key) for key, _ in self.branches]
        board: Board = worker.make(
            lambda: Lease(lambda: Board(names, self.first), self._key), path
        ).model
        shadows, answers = {}, {}
        for key, steps in self.branches:
            name = str(key)
            waits = any(each.is_async for each in steps)
            run = worker.branch(key, steps, path, is_async=waits)
            if self.may_shadow(name):
                shadows[name] = self._shadow(name, run, waits, board, worker, path)
            if self.may_answer(name):
                awaited = self.is_async and not waits
                answers[name] = _awaitable(run) if awaited else run
        call = self._call(board, answers, shadows)
        return Bound(self.name, path, call, is_async=self.is_async, context="context")

    def _shadow(
        self, name: str, run: Run, waits: bool, board: Board, worker: Worker, path: str
    ) -> Shadow:
        from ..aside import Aside

        aside = worker.make(lambda: Aside(self.settings.room, waits=waits, awaited=False), path)
        worker.gauge(f"{path}/{name}", "shadows_waiting", lambda: len(aside))
        count = {what: worker.counter(f"{path}/{name}", what) for what in Tally._fields}

        def seen(what: str) -> None:
            board.count(name, what)
            count[what](1)

        compare = self.settings.compare or alike_within(self.settings.tolerance)
        return Shadow(f"{path}/{name}", run, waits, aside, seen, compare)

    def _call(self, board: Board, answers: dict[str, Run], shadows: dict[str, Shadow]) -> Run:
        def others(champion: str) -> list[Shadow]:
            return [each for name, each in shadows.items() if name != champion]

        aside = {name: others(name) for name in answers}

        def plain(value: Any, context: Any) -> Any:
            champion = board.champion
            copies = [each.copy(value) for each in aside[champion]]
            answer = answers[champion](value, context)
            for each, copied in zip(aside[champion], copies, strict=True):
                each.begin(copied, answer, context)
            return answer

        async def waiting(value: Any, context: Any) -> Any:
            champion = board.champion
            copies = [each.copy(value) for each in aside[champion]]
            answer = await answers[champion](value, context)
            for each, copied in zip(aside[champion], copies, strict=True):
                each.begin(copied, answer, context)
            return answer

        return waiting if self.is_async else plain


def _awaitable(run: Run) -> Run:
    async def waiting(value: Any, context: Any) -> Any:
        return run(value, context)

    return waiting


def shadow(
    step: Any,
    *shadows: Any,
    compare: Compare | None = None,
    tolerance: float = 0.0,
    room: int = 100,
    name: str = "shadow",
) -> Shadowed:
    """A step that answers, and shadows that are given the same value and compared with it.

    Shadows run on threads of their own after the answer, on a copy of the value; `drain` waits for
    them, an answer never does (on Lambda they stand still between events).  Where their
    answers differ, or they fail, the event's logger says so; `tallies()` of the step counts, and
    so do the graph's metrics.

    shadows:   the steps that are tried
    compare:   (answer, shadow's answer) -> whether they are alike; equality when left out
    tolerance: how far two numbers may be apart and count as the same
    room:      how many calls of a shadow may wait or be in progress; those above are skipped

    Raises `GraphError` for no shadow, two steps of one name, or types that never agree.

    >>> from pelton import Graph
    >>> def now(x: float) -> float:
    ...     return x
    >>> def tried(x: float) -> float:
    ...     return x + 0.001
    >>> watched = shadow(now, tried, tolerance=0.01)
    >>> graph = Graph("g", float) >> watched
    >>> graph(1.0)
    1.0
    >>> graph.drain()
    >>> watched.tallies()["tried"]
    Tally(same=1, different=0, failed=0, skipped=0)
    >>> graph.stop()
    """
    at = place()
    branches = named_members((step, *shadows), f"shadow {name!r}", at)
    if len(branches) < 2:
        raise wrong(f"shadow {name!r} has nothing that is tried", "give a second step", at=at)
    return ShadowStep(branches, Settings(compare, tolerance, room), name, at)


class ShadowStep(Shadowed):
    """See `shadow`."""

    def __init__(self, branches: Branches, settings: Settings, name: str, at: Place) -> None:
        super().__init__("shadow", branches, str(branches[0][0]), settings, name, at)
        self.output_type = self.outputs()[0]


def settings_of(spec: StepSpec) -> Settings:
    """The settings that a spec says."""
    compare = spec.option("compare")
    room, tolerance = spec.option("room"), spec.option("tolerance")
    return Settings(resolve(compare) if compare else None, tolerance, room)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    """The step that a spec says."""
    return ShadowStep(branches, settings_of(spec), spec.name, at)


def _written(compare: Any, what: str, at: Place) -> str:
    if not callable(compare) or not hasattr(compare, "__qualname__") or holds_state(compare):
        raise wrong(f"{what}: compare={compare!r:.60} is no function of two answers", at=at)
    return reference(compare)
