"""A step that rests after failing too often, so that what it calls can recover."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from ...handlers.errors import NotReady
from ..circuit import Circuit
from ..compile import note
from ..drive import AsyncRun
from ..kit.around import Around, called, check_number, check_whole
from ..kit.base import Branches, Drop, Step
from ..kit.hold import Wait
from ..kit.on import Types, concerns, error_types, read, written
from ..refer import Place, place
from ..spec import Key, StepSpec
from .call import steps_of

if TYPE_CHECKING:
    from ..run import Worker

# The level that a watch reads.
LEVELS = {"closed": 0.0, "half-open": 0.5, "open": 1.0}


class Breaker(Around):
    """See `breaker`."""

    def __init__(
        self, branches: Branches, on: Types, numbers: dict[str, Any], name: str, at: Place
    ) -> None:
        what = called("breaker", name, branches)
        check_whole(what, "failures", numbers["failures"], at, least=1)
        check_number(what, "reset", numbers["reset"], at, least=0)
        super().__init__("breaker", branches, name, at, {"on": written(on), **numbers})
        self.on, self.failures, self.reset = on, numbers["failures"], float(numbers["reset"])

    def policy(
        self, runs: dict[Key, AsyncRun], path: str, worker: Worker, wait: Wait
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        run, clock = runs[""], worker.clock
        circuit = Circuit(self.failures, self.reset)
        worker.gauge(path, "open", lambda: LEVELS[circuit.state(clock.now())])
        refused = worker.counter(path, "refused")

        async def guarded(value: Any, context: Any) -> Any:
            age = circuit.enter(clock.now())
            if age is None:
                refused(1)
                raise _resting(path, circuit.rest(clock.now()), value)
            try:
                answer = await run(value, context)
            except Exception as error:
                if concerns(error, self.on):
                    circuit.failed(age, clock.now())
                else:
                    circuit.succeeded(age)
                raise
            except Drop:
                circuit.succeeded(age)
                raise
            except BaseException:
                circuit.left(age)
                raise
            circuit.succeeded(age)
            return answer

        return guarded


def _resting(path: str, seconds: float, value: Any) -> NotReady:
    error = NotReady(f"step {path} rests after failing too often", after=seconds)
    note(error, path, value)
    return error


def breaker(
    step: Any,
    *,
    failures: int = 5,
    reset: float = 30.0,
    on: type[Exception] | Iterable[type[Exception]] = Exception,
    name: str = "",
) -> Step[Any, Any]:
    """A step that is not called for a while once it has failed several times one after another.

    `NotReady` (HTTP: 503, with `retry-after`) is raised instead.  When `reset` seconds are over one
    event is let through: when it goes well all are again, else the step rests once more.

    failures: how many open the circuit; a success between them starts the count again
    reset:    seconds that it stays open
    on:       the classes of errors that count; errors that refuse the event itself (`Reject`,
              `InvalidInput`, `MalformedBody`) only where they are named

    Each worker has a circuit of its own; a watch sees it as the level "open" (1, half-open 0.5).

    Raises `GraphError` for numbers out of bounds.

    >>> from pelton import Graph, steps
    >>> def call(n: int) -> int:
    ...     raise ConnectionError("refused")
    >>> def say(error: Exception) -> str:
    ...     return str(error)
    >>> graph = (Graph("g", int) >> steps.breaker(call, failures=1)).catch({Exception: say})
    >>> graph(1), graph(1)
    ('refused', 'step g/catch/breaker(call) rests after failing too often')
    """
    at = place()
    numbers = {"failures": failures, "reset": reset}
    return Breaker((("", steps_of(step)),), error_types(on, "breaker", at), numbers, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    numbers = {word: spec.option(word) for word in ("failures", "reset")}
    return Breaker(branches, read(spec.option("on")), numbers, spec.name, at)
