"""Taps: the value goes on at once, and the step runs aside, off the way of the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, overload

from ..compile import Run
from ..kit.base import Bound, Branches, Drop, Step
from ..kit.hold import Holder
from ..logs import log
from ..refer import Place, place, wrong
from ..spec import StepSpec, canonical
from .call import steps_of

if TYPE_CHECKING:
    from ..aside import Aside
    from ..kit.base import Passing
    from ..protocols import Made, Waits
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
Full = Literal["drop", "wait"]


class Room(NamedTuple):
    """How much may be aside at once, and what happens above that; see `tap`."""

    room: int = 1000
    full: Full = "drop"
    copy: bool = True
    grace: float = 30.0


class Tap(Holder):
    """See `tap`.  `waits`: whether the steps aside do."""

    kind = "tap"
    aside = passes = True

    def __init__(
        self, branches: Branches, room: Room, name: str, at: Place, **options: Any
    ) -> None:
        what = f"{self.kind} {name!r}"
        if room.room < 1 or not room.grace >= 0:
            raise wrong(f"{what}: room= is a number from 1, grace= one from 0", at=at)
        if room.full not in ("drop", "wait"):
            raise wrong(f"{what}: full={room.full!r}", "it is 'drop' or 'wait'", at=at)
        written = canonical({**room._asdict(), **options})
        super().__init__(self.kind, name, branches, at, options=written)
        self.room, self.waits = room, self.is_async
        # The way of the value waits for nothing but for room, and that where others wait, too.
        self.is_async, self.drops, self.either = False, False, room.full == "wait"
        self.input_type = self.output_type = self.branches[0][1][0].input_type

    def bind(self, worker: Worker, path: str) -> Bound:
        work = self.work(worker, path)

        def tap(value: Any, context: Any) -> Any:
            work.begin(value, context)
            return value

        async def tap_and_wait(value: Any, context: Any) -> Any:
            await work.begin_waiting(value, context)
            return value

        call = tap_and_wait if self.is_async else tap
        return Bound(self.name, path, call, is_async=self.is_async, context="context")

    def work(self, worker: Worker, path: str) -> Work:
        """What runs aside, on a thread of this worker's."""
        from ..aside import Aside

        key, steps = self.branches[0]
        run = worker.branch(key, steps, path, is_async=self.waits)
        late = _Late(worker, path)
        aside: Aside = worker.make(
            lambda: Aside(self.room.room, waits=self.waits, grace=self.room.grace, late=late), path
        )
        worker.gauge(path, "waiting_aside", lambda: len(aside))
        return Work(run, aside, self.room, worker, path)


class Work:
    """Hands values over to the thread, counts what becomes of them, and logs what fails there."""

    def __init__(self, run: Run, aside: Aside, room: Room, worker: Worker, path: str) -> None:
        self._run, self._aside, self._room, self._path = run, aside, room, path
        self._worker = worker
        self._count: dict[str, Callable[[float], object]] = {
            each: worker.counter(path, each) for each in ("accepted", "done", "failed", "dropped")
        }

    def begin(self, value: Any, context: Any) -> None:
        job = self._job(value, context)
        if job is not None:
            self._seen(self._aside.take(job, self._within(context)))

    async def begin_waiting(self, value: Any, context: Any) -> None:
        job = self._job(value, context)
        if job is not None:
            self._seen(await self._aside.take_waiting(job, self._within(context)))

    def _within(self, context: Any) -> float | None:
        """For how long a place is waited for: not at all, or as long as the event has time."""
        if self._room.full == "drop":
            return 0.0
        left: float | None = context.remaining_time() if context is not None else None
        return left

    def _seen(self, taken: bool) -> None:
        self._count["accepted" if taken else "dropped"](1)

    def _job(self, value: Any, context: Any) -> Callable[[], Any] | None:
        """One event's work; None where its value cannot be copied."""
        from contextvars import copy_context

        try:
            value = _copied(value) if self._room.copy else value
        except Exception as error:  # whatever a value's own copying raises: the answer goes on
            self._failed(error, context)
            return None
        context = context.aside() if context is not None else None
        around = copy_context()
        if self._aside.waits:
            return lambda: self._work_waiting(value, context, around)
        return lambda: around.run(self._work, value, context)

    def _work(self, value: Any, context: Any) -> None:
        try:
            self._run(value, context)
            self._count["done"](1)
        except Drop:
            self._count["done"](1)
        except BaseException as error:  # one that ends the thread would lose what waits behind it
            self._failed(error, context)

    async def _work_waiting(self, value: Any, context: Any, around: Any) -> None:
        import asyncio

        try:
            await asyncio.create_task(self._run(value, context), context=around)
            self._count["done"](1)
        except Drop:
            self._count["done"](1)
        except Exception as error:
            self._failed(error, context)

    def _failed(self, error: BaseException, context: Any) -> None:
        self._count["failed"](1)
        said = {"step": getattr(error, "step", self._path), "error": _said(error)}
        log(context or self._worker.context, "exception", "a step aside failed", said)


class _Late:
    """Says what was not done when the worker had to end."""

    def __init__(self, worker: Worker, path: str) -> None:
        self._worker, self._path = worker, path

    def __call__(self, count: int) -> None:
        said = {"step": self._path, "events": count}
        message = "steps aside were not done when the worker ended"
        log(self._worker.context, "error", message, said)


def _copied(value: Any) -> Any:
    from copy import deepcopy

    return deepcopy(value)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


@overload
def tap(
    step: Waits[I, Any],
    *,
    full: Full = "drop",
    room: int = 1000,
    copy: bool = True,
    grace: float = 30.0,
    name: str = "tap",
) -> Passing[I]: ...
@overload
def tap(
    step: Made[I, Any],
    *,
    full: Full = "drop",
    room: int = 1000,
    copy: bool = True,
    grace: float = 30.0,
    name: str = "tap",
) -> Passing[I]: ...


def tap(
    step: Any,
    *,
    full: Full = "drop",
    room: int = 1000,
    copy: bool = True,
    grace: float = 30.0,
    name: str = "tap",
) -> Any:
    """A step that hands the value on at once, while `step` runs aside with a copy of it.

    Aside is a thread of the tap's own, with a loop where `step` is async: its slowness and its
    errors never touch the answer; they are logged and counted.  It has the event's context, without
    the deadline.  Order is kept where `step` is plain.

    room:  how many events may be aside at once
    full:  what happens above that: "drop" (the event goes on, and is counted as dropped here) or
           "wait" (for room, as long as the event has time)
    copy:  False where nobody changes the value later
    grace: seconds that a worker which ends waits for what was accepted; what is left is logged

    Nothing accepted is lost: `drain` and `stop` of the graph wait for it, and so does a program
    that ends.  On Lambda, where a worker stands still between events, the adapter waits for it
    before the answer is returned.

    Raises `GraphError` for a room below one.

    >>> from pelton import Graph, steps
    >>> seen = []
    >>> def note(text: str) -> None:
    ...     seen.append(text)
    >>> graph = Graph("noted", str) >> steps.tap(note) >> len
    >>> graph("four"), graph.settle(), seen
    (4, True, ['four'])
    """
    return Tap((("", steps_of(step)),), Room(room, full, copy, grace), name, place())


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    return Tap(branches, room_of(spec), spec.name, at)


def room_of(spec: StepSpec) -> Room:
    return Room(*(spec.option(name) for name in Room._fields))
