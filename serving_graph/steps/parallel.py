"""Several branches on the same value, their results by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..compile import Run
from ..fit import typed_dict
from ..kit.base import Branches, Step
from ..kit.hold import Holder, branches_of, common_input
from ..refer import Place, place, wrong
from ..spec import Key, StepSpec

if TYPE_CHECKING:
    from ..run import Worker


class Parallel(Holder):
    """See `parallel`."""

    hands = "all"

    def __init__(self, branches: Branches, name: str, at: Place) -> None:
        super().__init__("parallel", name, branches, at)
        self.input_type = common_input(self)
        fields = {str(key): steps[-1].output_type for key, steps in branches}
        self.output_type = typed_dict(fields)

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        return gather(runs) if self.is_async else _one_by_one(runs)


def parallel(*, name: str = "parallel", **branches: Any) -> Step[Any, Any]:
    """A step that gives the value to every branch, and a dict of their results by name.

    Branches that wait (async) run together; plain ones one after another, in the order given.
    The first error ends the step; branches that still wait are cancelled.

    Raises `GraphError` for no branches, or branches that take types that never agree.

    >>> from pelton import Graph
    >>> (Graph("two", str) >> parallel(size=len, upper=str.upper))("ab")
    {'size': 2, 'upper': 'AB'}
    """
    at = place()
    return Parallel(branches_of(branches, f"parallel {name!r}", at), name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    if any(not isinstance(key, str) for key, _ in branches):
        raise wrong(f"parallel {spec.name!r}: a branch's key is not a string", at=at)
    return Parallel(branches, spec.name, at)


def _one_by_one(runs: dict[Key, Run]) -> Run:
    pairs = list(runs.items())
    return lambda value, context: {key: run(value, context) for key, run in pairs}


def gather(runs: dict[Key, Run]) -> Run:
    """All branches at once on the running loop; the first error cancels the others."""

    async def together(value: Any, context: Any) -> dict[Key, Any]:
        import asyncio

        tasks = [asyncio.ensure_future(run(value, context)) for run in runs.values()]
        try:
            results = await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        return dict(zip(runs, results, strict=True))

    return together
