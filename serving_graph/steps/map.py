"""The same steps for every item of a list."""

from __future__ import annotations

from collections.abc import Iterable
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from ...handlers.failed import Failed
from ..compile import Run, note
from ..kit.base import Bound, Branches, Drop, Step
from ..kit.hold import Holder
from ..many import Many, together
from ..refer import Place, place, wrong
from ..spec import Key, StepSpec, canonical
from .call import steps_of

if TYPE_CHECKING:
    from ..protocols import Made, Waits
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
O = TypeVar("O")  # noqa: E741


class Map(Holder):
    """See `map`."""

    kind = "map"
    repeats = True

    def __init__(self, branches: Branches, concurrency: int, name: str, at: Place) -> None:
        if concurrency < 1:
            what = f"{self.kind} {name!r}"
            raise wrong(f"{what}: concurrency={concurrency} lets nothing run", at=at)
        options = canonical({"concurrency": concurrency})
        super().__init__(self.kind, name, branches, at, options=options)
        self.concurrency, self.drops = concurrency, False
        inner = self.branches[0][1]
        self.input_type = GenericAlias(Iterable, (inner[0].input_type,))
        self.output_type = GenericAlias(list, (inner[-1].output_type,))

    def bind(self, worker: Worker, path: str) -> Bound:
        if not self.either:
            return super().bind(worker, path)
        steps, waits = self.branches[0][1], self.is_async
        run, many = worker.sequences(steps, path, is_async=waits, concurrency=self.concurrency)
        if many is not None:
            joined = self.shaped(_all_at_once(many, path, is_async=waits), path)
        else:
            joined = self.join({"": run}, path, worker)
        return Bound(self.name, path, joined, is_async=waits, context="context")

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        (run,) = runs.values()
        each = _together(run, self.concurrency, path) if self.is_async else _in_turn(run, path)
        return self.shaped(each, path)

    def shaped(self, each: Run, path: str) -> Run:
        """What the step gives, from what gives the list of an answer for each item."""
        return each


@overload
def map(
    step: Waits[I, O], *, concurrency: int = 16, name: str = "map"
) -> Step[Iterable[I], list[O]]: ...
@overload
def map(
    step: Made[I, O], *, concurrency: int = 16, name: str = "map"
) -> Step[Iterable[I], list[O]]: ...


def map(step: Any, *, concurrency: int = 16, name: str = "map") -> Step[Any, Any]:
    """A step that hands every item of a list to `step`, and gives the list of the answers.

    Order is kept.  An item that a `filter` inside lets go no further is left out.  Items of steps
    that wait (async) run together, `concurrency` at a time; the first error ends the step, and what
    still runs is cancelled; the error's note says which item it was.  A `batched` step inside gets
    every item that reaches it in full batches, whether anything waits or not.

    Raises `GraphError` for a concurrency below one.

    >>> from pelton import Graph, steps
    >>> def square(n: int) -> int:
    ...     return n * n
    >>> (Graph("squares") >> steps.map(square))([1, 2, 3])
    [1, 4, 9]
    """
    return Map((("", steps_of(step)),), concurrency, name, place())


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    return Map(branches, spec.option("concurrency"), spec.name, at)


class _Numbered(Protocol):
    def __call__(self, error: Exception, number: int) -> None: ...


def _numbered(path: str) -> _Numbered:
    def say(error: Exception, number: int) -> None:
        if not hasattr(error, "step"):
            note(error, path)
        error.add_note(f"item {number} of the list")

    return say


def _in_turn(run: Run, path: str) -> Run:
    say = _numbered(path)

    def each(values: Any, context: Any) -> list[Any]:
        answers: list[Any] = []
        for number, value in enumerate(values):
            try:
                answers.append(run(value, context))
            except Drop:
                continue
            except Exception as error:
                say(error, number)
                raise
        return answers

    return each


def _all_at_once(many: Many, path: str, *, is_async: bool) -> Run:
    """For a batched step inside, which takes every item that reaches it."""
    say = _numbered(path)

    def told(answers: list[Any]) -> list[Any]:
        for number, each in enumerate(answers):
            if isinstance(each, Failed) and isinstance(each.error, Exception):
                say(each.error, number)
                raise each.error
        return [each for each in answers if not isinstance(each, Failed)]

    def plain(values: Any, context: Any) -> list[Any]:
        return told(many(list(values), context))

    async def waiting(values: Any, context: Any) -> list[Any]:
        return told(await many(list(values), context))

    return waiting if is_async else plain


_DROPPED = object()


def _together(run: Run, concurrency: int, path: str) -> Run:
    say = _numbered(path)

    async def each(values: Any, context: Any) -> list[Any]:
        async def one(number: int, value: Any) -> Any:
            try:
                return await run(value, context)
            except Drop:
                return _DROPPED
            except Exception as error:
                say(error, number)
                raise

        found = await together(one, values, concurrency)
        return [answer for answer in found if answer is not _DROPPED]

    return each
