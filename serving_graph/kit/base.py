"""`Step[I, O]`: the one shape of every kind of step, checked when it is made and immutable.

A step knows its spec, its types and how to bind itself to a worker; it holds nothing that a
worker makes.  It never runs anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ..refer import Place, wrong
from ..spec import Key, StepSpec

if TYPE_CHECKING:
    from ..protocols import Calls, CallsWithContext, Does, DoesWithContext
    from ..run import Worker

I_contra = TypeVar("I_contra", contravariant=True)
O_co = TypeVar("O_co", covariant=True)
N = TypeVar("N")


# The steps that a step holds, by key.
Branches = tuple[tuple[Key, "tuple[Step[Any, Any], ...]"], ...]


class Bound:
    """A step bound to a worker: what to call, and how.

    context: the name of the parameter that takes the context; "" for none
    leaf:    the user's own code, so that an error raised in it is noted with `path`;
             steps that hold others note their own
    after:   the steps whose values it takes; () for the one before it
    many:    what takes many values at once (values, context) and gives each one's answer or
             `Failed`, where the step would rather have them so
    model:   the loaded model that is called, for whoever asks what it takes
    """

    __slots__ = ("after", "call", "context", "is_async", "leaf", "many", "model", "name", "path")

    def __init__(
        self,
        name: str,
        path: str,
        call: Callable[..., Any],
        *,
        is_async: bool = False,
        context: str = "",
        leaf: bool = False,
        after: tuple[str, ...] = (),
        many: Callable[..., Any] | None = None,
        model: Any = None,
    ) -> None:
        self.name, self.path, self.call = name, path, call
        self.is_async, self.context, self.leaf = is_async, context, leaf
        self.after, self.many, self.model = after, many, model


class Drop(BaseException):
    """Raised by a step: this event goes no further.  No error, so nothing that catches errors
    sees it; the graph, or the nearest step that runs others item by item, answers without it."""


class Step(Generic[I_contra, O_co]):
    """A checked step from `I` to `O`.  Made by `step`, `router` and their like, see `pelton.steps`.

    spec:        what it is, as frozen data
    input_type, output_type: from the annotations; Any where there are none
    is_async:    whether calling it has to be awaited
    takes_context: whether it, or a step inside it, takes the context
    streams:     whether its value is an iterator, whose items come one by one
    drops:       whether an event may end here without an answer, see `Drop`
    aside:       whether its value is its input's, what it does being off the way (a tap)
    either:      whether it, or a step inside it, also has an async form for async graphs
    splits:      whether a graph that is spread over functions is cut here (a queue)
    answers:     whether its value is the graph's answer, whatever comes after it
    single:      whether it may run once an event only, and in no step that repeats others
    passes:      whether it gives the very value that it takes, so that its type is kept
    ends:        whether it gives its sequence's answer, so that nothing can follow (`respond`)
    place:       the user's line that made it
    branches:    the steps that it holds, by key
    files:       the files that it loads (see `ModelFile`)
    """

    spec: StepSpec
    input_type: Any = Any
    output_type: Any = Any
    is_async: bool = False
    takes_context: bool = False
    drops: bool = False
    streams: bool = False
    aside: bool = False
    either: bool = False
    splits: bool = False
    answers: bool = False
    single: bool = False
    passes: bool = False
    ends: bool = False
    place: Place = Place()
    branches: Branches = ()
    references: tuple[str, ...] = ()
    files: tuple[Any, ...] = ()

    def __init__(self, spec: StepSpec, place: Place) -> None:
        if not spec.name or "/" in spec.name:
            raise wrong(
                f"a step cannot be named {spec.name!r}",
                "give name= without a slash: the slash joins a step's path",
                at=place,
            )
        self.spec, self.place = spec, place

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def word(self) -> str:
        """What stands for it in paths: its name, where that says which step it is."""
        return self.name

    @property
    def after(self) -> tuple[str, ...]:
        return self.spec.after

    def placed(self, after: tuple[str, ...]) -> Step[Any, Any]:
        """This step where it takes the values of the steps named."""
        if after == self.after:
            return self
        from copy import copy

        other, given = copy(self), vars(self.spec)
        other.spec = StepSpec(**{**given, "after": after})
        return other

    def waiting(self) -> Step[Any, Any]:
        """The async form of a step that has either, for a graph that is async anyway."""
        from copy import copy

        other = copy(self)
        other.is_async = True
        return other

    def taking(self, given: Any) -> Step[Any, Any]:
        """This step where it is handed values of the type `given`: what lets values through, or
        only takes them apart, then knows what it gives."""
        return self.giving(given) if self.passes else self

    def giving(self, output_type: Any) -> Step[Any, Any]:
        """This step, giving the type where that is known."""
        if output_type is Any or output_type == self.output_type:
            return self
        from copy import copy

        other = copy(self)
        other.output_type = output_type
        return other

    @property
    def steps(self) -> tuple[Step[Any, Any], ...]:
        """The steps that joining this one adds: itself; a chain adds its own."""
        return (self,)

    @overload
    def __rshift__(self, step: Passing[O_co]) -> Step[I_contra, O_co]: ...
    @overload
    def __rshift__(self, step: Step[O_co, N]) -> Step[I_contra, N]: ...
    @overload
    def __rshift__(self, step: type[Calls[O_co, N]]) -> Step[I_contra, N]: ...
    @overload
    def __rshift__(self, step: type[Does[O_co, N]]) -> Step[I_contra, N]: ...
    @overload
    def __rshift__(self, step: type[CallsWithContext[O_co, N]]) -> Step[I_contra, N]: ...
    @overload
    def __rshift__(self, step: type[DoesWithContext[O_co, N]]) -> Step[I_contra, N]: ...
    @overload
    def __rshift__(self, step: Callable[[O_co], Awaitable[N]]) -> Step[I_contra, N]: ...
    @overload
    def __rshift__(self, step: Callable[[O_co], N]) -> Step[I_contra, N]: ...

    def __rshift__(self, step: Any) -> Step[Any, Any]:
        """Several steps as one thing to join, such as a branch of two steps."""
        from .chain import join

        return join(self, step)

    def bind(self, worker: Worker, path: str) -> Bound:
        """This step on a worker, its models loaded."""
        raise NotImplementedError

    def __repr__(self) -> str:
        from ..fit import type_name

        types = f"{type_name(self.input_type)} -> {type_name(self.output_type)}"
        return f"<{self.spec.kind} step {self.name}: {types}>"


class Passing(Step[I_contra, Any]):
    """For static checkers: a step that gives the very value that it takes, of whatever type."""
