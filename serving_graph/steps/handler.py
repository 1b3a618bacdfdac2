"""A function that is handed an error and the value at which it was raised; see `catch`."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..kit.base import Bound, Branches, Step
from ..kit.signature import wanted_values
from ..refer import Place, wrong
from ..spec import StepSpec
from .call import CallStep, parts, steps_of

if TYPE_CHECKING:
    from ..run import Worker


class Caught(NamedTuple):
    """What a handler of two parameters is handed, in one piece."""

    error: Exception
    value: Any


class Handler(CallStep):
    """A function of an error and a value."""

    def __init__(self, target: Any, name: str, arguments: dict[str, Any], at: Place) -> None:
        super().__init__(target, name, arguments, at, values=2)
        given = vars(self.spec)
        self.spec = StepSpec(**{**given, "kind": "handler"})

    def check_value(self, holder: Step[Any, Any], given: Any) -> None:
        """Raise when the second parameter cannot be handed what the step is given."""
        from ..fit import fits, type_name

        if not fits(given, self.input_types[1]):
            raise wrong(
                f"{holder.spec.kind} {holder.name!r}: its input is {type_name(given)} but the "
                f"handler {self.name!r} takes {type_name(self.input_types[1])} for it",
                "change one annotation",
                at=holder.place,
            )

    def bind(self, worker: Worker, path: str) -> Bound:
        bound = super().bind(worker, path)
        call: Callable[..., Any] = bound.call
        bound.call = lambda caught, **context: call(*caught, **context)
        return bound


def handler_of(thing: Any, what: str, at: Place) -> tuple[Step[Any, Any], ...]:
    """The steps of a handler: a function of two values as a `Handler`, anything else as a step."""
    if isinstance(thing, FunctionType):
        values = wanted_values(thing)
        if values > 2:
            raise wrong(
                f"{what}: the handler {thing.__name__} takes {values} values",
                "it is handed the error, and the step's input where it has a second parameter",
                at=at,
            )
        if values == 2:
            return (Handler(thing, "", {}, at),)
    return steps_of(thing)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    return Handler(*parts(spec), at)
