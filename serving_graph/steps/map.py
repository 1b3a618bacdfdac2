"""The same steps for every item of a list."""

from __future__ import annotations

from collections.abc import Iterable
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from ..compile import Run, note
from ..refer import Place, place, wrong
from ..spec import Key, StepSpec, canonical
from .base import Branches, Drop, Step
from .call import steps_of
from .hold import Holder

if TYPE_CHECKING:
    from ..run import Worker
    from .base import Made, Waits

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

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        (run,) = runs.values()
        return _together(run, self.concurrency, path) if self.is_async else _in_turn(run, path)


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
    still runs is cancelled; the error's note says which item it was.

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


_DROPPED = object()


def _together(run: Run, concurrency: int, path: str) -> Run:
    say = _numbered(path)

    async def one(number: int, value: Any, context: Any) -> Any:
        try:
            return await run(value, context)
        except Drop:
            return _DROPPED
        except Exception as error:
            say(error, number)
            raise

    async def each(values: Any, context: Any) -> list[Any]:
        import asyncio

        items, answers = enumerate(values), dict[int, Any]()

        async def work() -> None:
            for number, value in items:
                answers[number] = await one(number, value, context)

        workers = [asyncio.ensure_future(work()) for _ in range(concurrency)]
        try:
            await asyncio.gather(*workers)
        except BaseException:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            raise
        found = (answers[number] for number in sorted(answers))
        return [answer for answer in found if answer is not _DROPPED]

    return each
