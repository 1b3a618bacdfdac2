"""Another step in place of one that fails."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from ..deadline import time_left
from ..drive import AsyncRun
from ..fit import union
from ..kit.around import Around
from ..kit.base import Branches, Step
from ..kit.hold import Wait, common_input
from ..kit.on import Types, concerns, error_types, read, written
from ..refer import Place, place
from ..spec import Key, StepSpec
from .call import steps_of

if TYPE_CHECKING:
    from ..run import Worker

OTHER = "other"


class Fallback(Around):
    """See `fallback`."""

    def __init__(self, branches: Branches, on: Types, name: str, at: Place) -> None:
        super().__init__("fallback", branches, name, at, {"on": written(on)})
        self.on = on
        self.input_type = common_input(self)
        self.output_type = union(self.outputs())

    def policy(
        self, runs: dict[Key, AsyncRun], path: str, worker: Worker, wait: Wait
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        run, other = runs[""], runs[OTHER]
        fallbacks = worker.counter(path, "fallbacks")

        async def fall_back(value: Any, context: Any) -> Any:
            try:
                return await run(value, context)
            except Exception as error:
                if not concerns(error, self.on) or time_left(context) <= 0:
                    raise
                fallbacks(1)
                tell(context, "fell back", path, error)
                # Inside the except: when this fails too, its error has the first one as context.
                return await other(value, context)

        return fall_back


def tell(context: Any, message: str, path: str, error: Exception) -> None:
    """One line for an error that the answer does not show."""
    logger = None if context is None else context.logger
    if logger is not None:
        said = getattr(error, "step", path)
        logger.warning(message, step=said, error=f"{type(error).__name__}: {error}")


def fallback(
    step: Any,
    other: Any,
    *,
    on: type[Exception] | Iterable[type[Exception]] = Exception,
    name: str = "",
) -> Step[Any, Any]:
    """A step in whose place `other` answers when it fails, from the same value.

    on: the classes of errors for which it does.  Errors that refuse the event itself (`Reject`,
        `InvalidInput`, `MalformedBody`) pass, unless they are named here

    That it fell back is logged and counted.  Once the event's time is over the error is raised.

    Raises `GraphError` when the two steps never take the same type.

    >>> from pelton import Graph, steps
    >>> def model(x: float) -> float:
    ...     raise ConnectionError("refused")
    >>> def constant(x: float) -> float:
    ...     return 0.5
    >>> (Graph("score", float) >> steps.fallback(model, constant))(3.0)
    0.5
    """
    at = place()
    branches: Branches = (("", steps_of(step)), (OTHER, steps_of(other)))
    return Fallback(branches, error_types(on, "fallback", at), name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    return Fallback(branches, read(spec.option("on")), spec.name, at)
