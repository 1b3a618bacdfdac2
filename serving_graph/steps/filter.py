"""Events that go no further."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ..fit import fits, type_name
from ..kit.base import Bound, Branches, Drop, Step
from ..refer import Place, place, wrong
from ..spec import StepSpec
from .call import CallStep, step

if TYPE_CHECKING:
    from ..kit.base import Passing
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter


class Filter(Step[Any, Any]):
    """See `filter`."""

    drops = passes = True

    def __init__(self, predicate: CallStep, name: str, at: Place) -> None:
        inner = StepSpec("filter", name, predicate.spec.reference, predicate.spec.options)
        super().__init__(inner, at)
        self.predicate = predicate
        if not fits(predicate.output_type, bool):
            raise wrong(
                f"filter {name!r}: {predicate.name} gives {type_name(predicate.output_type)}, "
                "not whether the event goes on",
                "give a function that answers True or False",
                at=at,
            )
        self.input_type = self.output_type = predicate.input_type
        self.is_async, self.takes_context = predicate.is_async, predicate.takes_context
        self.references, self.either = predicate.references, predicate.either

    def bind(self, worker: Worker, path: str) -> Bound:
        asked: Step[Any, Any] = self.predicate
        test = (asked.waiting() if self.is_async and asked.either else asked).bind(worker, path)
        keep = _keep_async(test) if self.is_async else _keep(test)
        return Bound(self.name, path, keep, is_async=self.is_async, context=test.context, leaf=True)


def _keep(test: Bound) -> Callable[..., Any]:
    call = test.call

    def keep(value: Any, **context: Any) -> Any:
        if call(value, **context):
            return value
        raise Drop

    return keep


def _keep_async(test: Bound) -> Callable[..., Any]:
    call = test.call

    async def keep(value: Any, **context: Any) -> Any:
        if await call(value, **context):
            return value
        raise Drop

    return keep


@overload
def filter(predicate: Step[I, bool], *, name: str = "") -> Passing[I]: ...
@overload
def filter(predicate: Callable[[I], bool | Awaitable[bool]], *, name: str = "") -> Passing[I]: ...
@overload
def filter(predicate: Callable[..., Any], *, name: str = "", **arguments: Any) -> Passing[Any]: ...


def filter(predicate: Any, *, name: str = "", **arguments: Any) -> Any:
    """A step that lets an event go on when `predicate(value)` is true.

    An event that does not go on ends its graph with the answer None, which the graph's output type
    says.  Inside `map` it is an item that is left out.

    predicate: a function of the value (and the context), plain or async, or a class with
               `__call__`; its other arguments by keyword

    Raises `GraphError` for a predicate that gives something else than a bool.

    >>> from pelton import Graph, steps
    >>> def small(n: int) -> bool:
    ...     return n < 10
    >>> graph = Graph("small", int) >> steps.filter(small)
    >>> graph(7), graph(70)
    (7, None)
    """
    at = place()
    made = step(predicate, name=name, **arguments)
    if not isinstance(made, CallStep):
        raise wrong(f"filter takes a function of the value, not {made!r}", at=at)
    return Filter(made, made.name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    from . import call

    return Filter(call.call_from(spec, at), spec.name, at)
