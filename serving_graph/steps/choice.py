"""The choice: the first branch whose predicate holds, or, by a field, the branch of its value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ..check import agreed
from ..compile import Run
from ..fit import fits, type_name, union
from ..kit.ask import Ask, ask, read, takes
from ..kit.base import Branches, Step
from ..kit.hold import Holder
from ..refer import Place, place, wrong
from ..spec import Key, StepSpec, canonical
from .call import steps_of

if TYPE_CHECKING:
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
I_contra = TypeVar("I_contra", contravariant=True)
_OTHERWISE = "otherwise"


class When(Generic[I_contra]):
    """One case of a choice, made by `when`."""

    def __init__(self, test: Ask, step: Any) -> None:
        self.test, self.step = test, step


class Choice(Holder):
    """See `choice`."""

    def __init__(self, tests: Sequence[Ask], branches: Branches, name: str, at: Place) -> None:
        options = canonical({"when": [each.written for each in tests]})
        super().__init__("choice", name, branches, at, options=options)
        self.tests = tuple(tests)
        takes(self, *tests)
        what = f"choice {name!r}"
        for each in tests:
            if not fits(each.output_type, bool):
                raise wrong(
                    f"{what}: {each.name} gives {type_name(each.output_type)}, not whether its "
                    "branch is the one",
                    "give a function that answers True or False",
                    at=at,
                )
        taken = [(each.name, each.input_types[0]) for each in tests]
        taken += [(f"branch {key!r}", steps[0].input_type) for key, steps in branches]
        self.input_type = agreed(what, taken, at)
        self.output_type = union(self.outputs())

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        *branches, otherwise = runs.values()
        if self.is_async:
            waits = [each.waiting(worker, path, is_async=True) for each in self.tests]
            return _choose_and_wait([*zip(waits, branches, strict=True)], otherwise)
        tests = [each.plain(worker, path) for each in self.tests]
        return _choose([*zip(tests, branches, strict=True)], otherwise)


def _choose(cases: list[tuple[Callable[..., Any], Run]], otherwise: Run) -> Run:
    def choose(value: Any, context: Any) -> Any:
        for test, run in cases:
            if test(context, value):
                return run(value, context)
        return otherwise(value, context)

    return choose


def _choose_and_wait(cases: list[tuple[Callable[..., Any], Run]], otherwise: Run) -> Run:
    async def choose(value: Any, context: Any) -> Any:
        for test, run in cases:
            if await test(context, value):
                return await run(value, context)
        return await otherwise(value, context)

    return choose


@overload
def when(
    predicate: Callable[[I], bool | Awaitable[bool]], step: Any, *, name: str = ""
) -> When[I]: ...
@overload
def when(
    predicate: Callable[..., Any], step: Any, *, name: str = "", **arguments: Any
) -> When[Any]: ...


def when(
    predicate: Callable[..., Any], step: Any, *, name: str = "", **arguments: Any
) -> When[Any]:
    """One case of a `choice`: `step` takes the value when `predicate(value)` is true.

    predicate: a function of the value (and the context), plain or async; its other arguments by
               keyword
    name:      the case's name in paths; the predicate's own when left out
    """
    at = place()
    test = ask(predicate, "the predicate of a choice", at, name=name, **arguments)
    if "field" in test.written:
        raise wrong(
            f"the predicate of a choice is {predicate!r}",
            "give a function; by a field's value it is choice('field', {value: step})",
            at=at,
        )
    return When(test, step)


@overload
def choice(*cases: When[I], otherwise: Any, name: str = "choice") -> Step[I, Any]: ...
@overload
def choice(
    field: str, branches: Mapping[Any, Any], /, *, otherwise: Any = None, name: str = "choice"
) -> Step[Any, Any]: ...


def choice(*cases: Any, otherwise: Any = None, name: str = "choice") -> Step[Any, Any]:
    """A step that hands the value to the first branch whose predicate holds.

    cases:     `when(predicate, step)`, looked at in this order; or a field's name and its values'
               branches, `choice("size", {"small": a, "large": b})`, which is a `router`
    otherwise: the step for every other value

    Raises `GraphError` when a value could come that has no branch: predicates without `otherwise`;
    a field whose type lists its values (Literal, Enum, bool) with one of them left out; and when
    two branches take types that never agree.

    >>> from pelton import Graph, steps
    >>> def small(n: int) -> bool:
    ...     return n < 10
    >>> def double(n: int) -> int:
    ...     return 2 * n
    >>> def negate(n: int) -> int:
    ...     return -n
    >>> graph = Graph("pick", int) >> steps.choice(steps.when(small, double), otherwise=negate)
    >>> graph(4), graph(40)
    (8, -40)
    """
    at = place()
    if len(cases) == 2 and isinstance(cases[0], str):
        from .router import router

        return router(cases[0], cases[1], otherwise, name=name)
    what = f"choice {name!r}"
    if not cases or not all(isinstance(each, When) for each in cases):
        raise wrong(f"{what} has no cases", "give it when(predicate, step), once a case", at=at)
    if otherwise is None:
        raise wrong(
            f"{what} has no branch for a value that none of its predicates takes",
            "give it otherwise=step; one that raises Reject refuses the value",
            at=at,
        )
    return _made(cases, otherwise, name, what, at)


def _made(cases: Sequence[Any], otherwise: Any, name: str, what: str, at: Place) -> Choice:
    branches: dict[Key, tuple[Step[Any, Any], ...]] = {}
    for each in cases:
        key = each.test.name
        if key in branches or key == _OTHERWISE:
            raise wrong(f"{what} has two cases named {key!r}", "name one: when(..., name=)", at=at)
        branches[key] = steps_of(each.step)
    branches[_OTHERWISE] = steps_of(otherwise)
    return Choice([each.test for each in cases], tuple(branches.items()), name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    what = f"choice {spec.name!r}"
    tests = [read(each, what, at) for each in spec.option("when", ())]
    if len(branches) != len(tests) + 1:
        raise wrong(f"{what} has {len(tests)} cases and {len(branches)} branches", at=at)
    return Choice(tests, branches, spec.name, at)
