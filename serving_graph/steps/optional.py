"""A step that may fail: its failure is a value, which says so."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..drive import AsyncRun
from ..failure import Failure
from ..fit import union
from ..kit.around import Around
from ..kit.base import Branches, Step
from ..kit.hold import Wait
from ..refer import Place, place
from ..spec import Key, StepSpec
from .call import steps_of
from .fallback import tell

if TYPE_CHECKING:
    from ..run import Worker


class Optional(Around):
    """See `optional`."""

    def __init__(self, branches: Branches, name: str, at: Place) -> None:
        super().__init__("optional", branches, name, at, {})
        self.output_type = union([self.output_type, Failure])

    def policy(
        self, runs: dict[Key, AsyncRun], path: str, worker: Worker, wait: Wait
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        run, failures = runs[""], worker.counter(path, "left_out")

        async def answer(value: Any, context: Any) -> Any:
            try:
                return await run(value, context)
            except Exception as error:
                failures(1)
                tell(context, "optional step failed", path, error)
                step = getattr(error, "step", path)
                failed = Failure(step, type(error).__name__, str(error))
                if context is not None:
                    context.failed.append(failed)
                return failed

        return answer


def optional(step: Any, *, name: str = "") -> Step[Any, Any]:
    """A step whose failure is no error of the graph: it answers `pelton.Failure` then, a dict that
    says the step's path, the error's class and its message.

    The answer of a `parallel` has it under the branch's name; an `ensemble` combines the answers of
    those that answered.  What failed is in `context.failed`, is logged and counted, and an HTTP
    reply names it in the header `pelton-failed`.

    Its type is the step's, or `Failure`: what comes after it must take both.

    >>> from pelton import Graph, parallel, steps
    >>> def weather(city: str) -> float:
    ...     raise ConnectionError("refused")
    >>> graph = Graph("g", str) >> parallel(size=len, weather=steps.optional(weather))
    >>> graph("Oslo")["weather"].message
    'refused'
    """
    return Optional((("", steps_of(step)),), name, place())


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    return Optional(branches, spec.name, at)
