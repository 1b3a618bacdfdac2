"""The same steps again and again until a predicate holds: the loop of an agent, with a limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ...handlers.errors import CycleLimit, DeadlineExceeded
from ..check import agreed
from ..compile import note
from ..drive import AsyncRun
from ..fit import fits, type_name, union
from ..kit.ask import Ask, ask, read, takes
from ..kit.base import Branches, Step
from ..kit.hold import Policy, Wait
from ..refer import Place, place, wrong
from ..spec import Key, StepSpec, canonical
from .call import steps_of

if TYPE_CHECKING:
    from ..protocols import Made, Waits
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter


class Cycle(Policy):
    """See `cycle`."""

    repeats = True

    def __init__(self, branches: Branches, until: Ask, limit: Any, name: str, at: Place) -> None:
        what = f"cycle {name!r}"
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise wrong(
                f"{what} has no limit" if limit is None else f"{what}: limit={limit!r} is no turn",
                "say after how many turns it is an error: limit=10",
                at=at,
            )
        options = canonical({"limit": limit, "until": until.written})
        super().__init__("cycle", name, branches, at, options=options)
        self.until, self.limit = until, limit
        takes(self, until)
        steps = self.branches[0][1]
        given = steps[-1].output_type
        if not fits(given, steps[0].input_type):
            raise wrong(
                f"{what}: its last step {steps[-1].name!r} gives {type_name(given)} but its first, "
                f"{steps[0].name!r}, takes {type_name(steps[0].input_type)}",
                "what comes out of a turn goes into the next",
                at=at,
            )
        if not fits(until.output_type, bool):
            raise wrong(f"{what}: until={until.name} gives {type_name(until.output_type)}", at=at)
        until.check(given, what, at)
        agreed(what, [(until.name, until.input_types[0]), ("its first step", given)], at)
        self.input_type, self.output_type = steps[0].input_type, union([given])

    def policy(
        self, runs: dict[Key, AsyncRun], path: str, worker: Worker, wait: Wait
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        (turn,) = runs.values()
        done = self.until.waiting(worker, path, is_async=self.is_async)
        limit = self.limit

        async def cycle(value: Any, context: Any) -> Any:
            for number in range(limit):
                _check_time(context, path, number, value)
                value = await turn(value, context)
                if await done(context, value):
                    return value
            error = CycleLimit(f"the cycle {path} was not done after {limit} turns")
            note(error, path, value)
            raise error

        return cycle


def _check_time(context: Any, path: str, turns: int, value: Any) -> None:
    if context is not None and context.remaining_time() == 0:
        error = DeadlineExceeded(f"the time of the event was over in {path}, after {turns} turns")
        note(error, path, value)
        raise error


@overload
def cycle(
    step: Waits[I, I],
    *,
    until: str | Callable[[I], bool | Awaitable[bool]],
    limit: int,
    name: str = "cycle",
) -> Step[I, I]: ...
@overload
def cycle(
    step: Made[I, I],
    *,
    until: str | Callable[[I], bool | Awaitable[bool]],
    limit: int,
    name: str = "cycle",
) -> Step[I, I]: ...


def cycle(
    step: Any, *, until: Any, limit: int | None = None, name: str = "cycle"
) -> Step[Any, Any]:
    """A step that hands the value to `step`, its answer to `step` again, until `until` holds of it.

    until: a predicate of the answer, plain or async; or the name of a field of it that is true
    limit: the most turns; without one a cycle may never end, and is refused

    Before each turn the event's deadline is looked at.  Raises `CycleLimit` after the last turn,
    `DeadlineExceeded` when the time is over; at build `GraphError` for no limit, and for a step
    whose answer it could not take itself.

    >>> from pelton import Graph, steps
    >>> def halve(n: int) -> int:
    ...     return n // 2
    >>> def odd(n: int) -> bool:
    ...     return n % 2 == 1
    >>> (Graph("odd", int) >> steps.cycle(halve, until=odd, limit=64))(24)
    3
    """
    at = place()
    asked = ask(until, f"cycle {name!r}: until", at)
    return Cycle((("", steps_of(step)),), asked, limit, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    until = read(spec.option("until"), f"cycle {spec.name!r}: until", at)
    return Cycle(branches, until, spec.option("limit"), spec.name, at)
