"""Steps of the user's own code: a function, or a class that is made and loaded once a worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ..kit.base import Bound, Branches, Step
from ..kit.signature import Signature, verb_of
from ..refer import Place, holds_state, place, reference, resolve, wrong
from ..spec import StepSpec, canonical

if TYPE_CHECKING:
    from ..protocols import Calls, Does
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter, as in Graph[I, O]
O = TypeVar("O")  # noqa: E741


THREADS = 16  # of a step that blocks, on one worker


class CallStep(Step[Any, Any]):
    """A function, or a class with `__call__` or `do`."""

    def __init__(
        self,
        target: Any,
        name: str,
        arguments: dict[str, Any],
        at: Place,
        values: int = 1,
        *,
        thread: bool = False,
    ) -> None:
        name = name or _name_of(target)
        super().__init__(StepSpec("call", name, _reference(target, name, at)), at)
        self.spec = StepSpec(
            "call", name, self.spec.reference, _options(name, arguments, thread, at)
        )
        self.target, self.arguments = target, arguments
        self.verb = verb_of(target, name, at) if isinstance(target, type) else ""
        bound = () if self.verb else tuple(arguments)
        code = getattr(target, self.verb) if self.verb else target
        method = bool(self.verb)
        signature = Signature(code, name, at, method=method, bound=bound, values=values)
        self.context, self.input_types = signature.context, signature.input_types
        self.input_type, self.output_type = signature.input_type, signature.output_type
        self.is_async, self.takes_context = signature.is_async, bool(signature.context)
        self.streams = signature.streams
        self.references = (self.spec.reference,)
        self.thread = self.either = thread
        if thread and (self.is_async or self.streams):
            raise wrong(
                f"step {name!r} waits or streams by itself: thread=True is for one that blocks",
                "leave it out",
                at=at,
            )

    def bind(self, worker: Worker, path: str) -> Bound:
        call: Callable[..., Any]
        if self.verb:
            instance = worker.make(partial(self.target, **self.arguments), path)
            call = getattr(instance, self.verb) if self.verb == "do" else instance
        else:
            call = partial(self.target, **self.arguments) if self.arguments else self.target
        if self.streams and not self.is_async:
            from ..kit.stream import noting

            call = noting(call, path)
        if self.thread and self.is_async:
            from ..off_loop import Pool

            call = worker.make(partial(Pool, path, THREADS), path).lifted(call)
        return Bound(self.name, path, call, is_async=self.is_async, context=self.context, leaf=True)


def _name_of(target: Any) -> str:
    name = str(getattr(target, "__name__", type(target).__name__))
    return "lambda" if name == "<lambda>" else name


def _reference(target: Any, name: str, at: Place) -> str:
    if not isinstance(getattr(target, "__qualname__", None), str) or not callable(target):
        raise wrong(
            f"step {name!r} is {target!r:.60}, an object that no spec can name",
            "give a function, or the class itself: step(Model, path=...) makes one a worker",
            at=at,
        )
    if holds_state(target):
        raise wrong(
            f"step {name!r} is a method bound to one object",
            "give the class: each worker makes its own",
            at=at,
        )
    return reference(target)


def _options(name: str, arguments: dict[str, Any], thread: bool, at: Place) -> str:
    for key, value in arguments.items():
        try:
            canonical(value)
        except (TypeError, ValueError):
            raise wrong(
                f"step {name!r}: the argument {key}={value!r:.60} is not JSON-ready",
                "make it in the class's load(context), once a worker",
                at=at,
            ) from None
    options: dict[str, Any] = {"arguments": arguments} if arguments else {}
    return canonical(options | ({"thread": True} if thread else {}))


@overload
def step(fn: Step[I, O], /, *, name: str = "") -> Step[I, O]: ...
@overload
def step(
    fn: type[Calls[I, Awaitable[O]]], /, *, name: str = "", **arguments: Any
) -> Step[I, O]: ...
@overload
def step(
    fn: type[Calls[I, O]], /, *, name: str = "", thread: bool = False, **arguments: Any
) -> Step[I, O]: ...
@overload
def step(
    fn: type[Does[I, O]], /, *, name: str = "", thread: bool = False, **arguments: Any
) -> Step[I, O]: ...
@overload
def step(fn: Callable[[I], Awaitable[O]], /, *, name: str = "") -> Step[I, O]: ...
@overload
def step(fn: Callable[[I], O], /, *, name: str = "", thread: bool = False) -> Step[I, O]: ...
@overload
def step(
    fn: Callable[..., O], /, *, name: str = "", thread: bool = False, **arguments: Any
) -> Step[Any, O]: ...


def step(fn: Any, /, *, name: str = "", thread: bool = False, **arguments: Any) -> Any:
    """A step made of a function or a class, named, with its other arguments given.

    A class is made once a worker with `arguments`; its `load(context)` runs once, its
    `__call__(value)` or `do(value)` once an event, its `close()` when the worker stops.
    A parameter named `context` gets the worker's context.  Arguments must be JSON-ready.

    thread: for a plain step that blocks (a file, a database, a client without async): in an async
            graph it runs in one of 16 threads, so that the loop goes on; where no step waits
            (async) it makes no difference

    Raises `GraphError` with your file and line when the thing given cannot be a step.

    >>> def scale(value: float, by: float) -> float:
    ...     return value * by
    >>> step(scale, name="double", by=2)
    <call step double: float -> float>
    """
    at = place()
    if isinstance(fn, Step):
        if arguments or thread or (name and name != fn.name):
            raise wrong(f"step {fn.name!r} is made already", "name it where you make it", at=at)
        return fn
    if hasattr(fn, "as_step"):
        return fn.as_step(name)
    return CallStep(getattr(fn, "user_function", fn), name, arguments, at, thread=thread)


def steps_of(thing: Any) -> tuple[Step[Any, Any], ...]:
    """The steps that joining `thing` adds to a sequence."""
    made: Step[Any, Any] = step(thing)
    return made.steps


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    return call_from(spec, at)


def call_from(spec: StepSpec, at: Place, values: int = 1) -> CallStep:
    """The step that a spec of a function or class says.  values: how many it is handed."""
    return CallStep(*parts(spec), at, values, thread=spec.option("thread", False))


def parts(spec: StepSpec) -> tuple[Any, str, dict[str, Any]]:
    """What a spec says of a function or class: itself, the step's name, its other arguments."""
    return resolve(spec.reference), spec.name, spec.option("arguments", {})
