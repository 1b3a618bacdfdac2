"""Answers for errors: by type, from a handler that is told the error and the step's input."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from ..drive import AsyncRun
from ..fit import union
from ..kit.around import Around, check_gives
from ..kit.base import Branches, Step
from ..kit.hold import Wait
from ..kit.on import Types, error_types, read, written
from ..refer import Place, place, wrong
from ..spec import Key, StepSpec
from .call import steps_of
from .handler import Caught, Handler, handler_of

if TYPE_CHECKING:
    from ..run import Worker

Clauses = dict[Key, Types]


class Catch(Around):
    """See `catch`."""

    def __init__(self, branches: Branches, clauses: Clauses, name: str, at: Place) -> None:
        errors = {str(key): written(types) for key, types in clauses.items()}
        super().__init__("catch", branches, name, at, {"errors": errors})
        self.clauses = clauses
        self._check_reached()
        for key, steps in self.branches[1:]:
            self._check_handler(clauses[key], steps[0])
        self.output_type = union(self.outputs())

    def _check_reached(self) -> None:
        before: list[type[Exception]] = []
        for types in self.clauses.values():
            for each in types:
                if hidden := next((one for one in before if issubclass(each, one)), None):
                    raise wrong(
                        f"{self.what}: {each.__name__} never comes to its handler, as "
                        f"{hidden.__name__} before it takes it",
                        f"put {each.__name__} first",
                        at=self.place,
                    )
            before += types

    def _check_handler(self, types: Types, first: Step[Any, Any]) -> None:
        for each in types:
            check_gives(self, first, each, "a handler is given")
        if isinstance(first, Handler):
            first.check_value(self, self.branches[0][1][0].input_type)

    def policy(
        self, runs: dict[Key, AsyncRun], path: str, worker: Worker, wait: Wait
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        run, caught = runs[""], worker.counter(path, "caught")
        handlers = [
            (self.clauses[key], runs[key], isinstance(steps[0], Handler))
            for key, steps in self.branches[1:]
        ]

        async def handled(value: Any, context: Any) -> Any:
            try:
                return await run(value, context)
            except Exception as error:
                for types, handler, wants_input in handlers:
                    if isinstance(error, types):
                        caught(1)
                        given = Caught(error, value) if wants_input else error
                        return await _handle(handler, given, error, context)
                raise

        return handled


async def _handle(handler: AsyncRun, given: Any, error: Exception, context: Any) -> Any:
    where = getattr(error, "step", None)
    try:
        return await handler(given, context)
    except Exception as again:
        if again is error and where is not None:  # it is still of the step that raised it
            object.__setattr__(error, "step", where)
        raise


def catch(step: Any, handlers: Mapping[Any, Any], *, name: str = "") -> Step[Any, Any]:
    """A step whose errors become answers.

    handlers: class of errors, or a tuple of classes, to the handler: a function of the error, of
              the error and the step's input, or any other step, which is handed the error.  The
              first that fits is asked; what it answers is the step's answer, and what it raises is
              raised

    The answer's type is the step's or a handler's.

    Raises `GraphError` for a handler that no error can come to, or that takes something else.

    >>> from pelton import Graph, steps
    >>> def share(n: int) -> float:
    ...     return 12 / n
    >>> def nothing(error: ZeroDivisionError, n: int) -> str:
    ...     return f"nothing for {n}"
    >>> graph = Graph("share", int) >> steps.catch(share, {ZeroDivisionError: nothing})
    >>> graph(4), graph(0)
    (3.0, 'nothing for 0')
    """
    return caught(steps_of(step), handlers, name, place())


def caught(
    held: tuple[Step[Any, Any], ...], handlers: Mapping[Any, Any], name: str, at: Place
) -> Catch:
    """`catch` for steps that are made already."""
    what = f"catch {name or held[-1].name!r}"
    if not handlers:
        raise wrong(f"{what} has no handlers", "give it at least one: {KeyError: ...}", at=at)
    branches: Branches = (("", held),)
    clauses: Clauses = {}
    for given, handler in handlers.items():
        types = error_types(given, what, at)
        key = "|".join(each.__qualname__ for each in types)
        if key in clauses:
            key = "|".join(written(types))
        clauses[key] = types
        branches = (*branches, (key, handler_of(handler, what, at)))
    return Catch(branches, clauses, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    errors = spec.option("errors")
    clauses: Clauses = {key: read(errors[key]) for key, _ in branches if key != ""}
    return Catch(branches, clauses, spec.name, at)
