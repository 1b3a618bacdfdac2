"""The answer now, the rest later: what only has to be done goes on aside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ..check import agreed
from ..kit.ask import Ask, ask, read
from ..kit.base import Bound, Branches, Step
from ..refer import Place, place, wrong
from ..spec import StepSpec
from .call import steps_of
from .tap import Full, Room, Tap, room_of

if TYPE_CHECKING:
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
O = TypeVar("O")  # noqa: E741


class Respond(Tap):
    """See `respond`."""

    kind = "respond"
    aside, ends = False, True

    def __init__(
        self, branches: Branches, answer: Ask | None, room: Room, name: str, at: Place
    ) -> None:
        written = answer.written if answer else None
        super().__init__(branches, room, name, at, answer=written)
        self.answer, what = answer, f"respond {name!r}"
        self.passes = answer is None
        if answer is None:
            return
        self.is_async, self.references = answer.is_async, answer.references
        self.either = self.either or answer.either
        taken = [("its answer", answer.input_types[0]), ("then=", self.input_type)]
        self.input_type = agreed(what, taken, at)
        answer.check(self.input_type, what, at)
        self.output_type = answer.output_type

    def bind(self, worker: Worker, path: str) -> Bound:
        if self.answer is None:
            return super().bind(worker, path)
        work = self.work(worker, path)
        call = (
            _respond_and_wait(self.answer.waiting(worker, path, is_async=True), work)
            if self.is_async
            else _respond(self.answer.plain(worker, path), work)
        )
        return Bound(self.name, path, call, is_async=self.is_async, context="context")


def _respond(answer: Callable[..., Any], work: Any) -> Callable[..., Any]:
    def respond(value: Any, context: Any) -> Any:
        said = answer(context, value)
        work.begin(value, context)
        return said

    return respond


def _respond_and_wait(answer: Callable[..., Awaitable[Any]], work: Any) -> Callable[..., Any]:
    async def respond(value: Any, context: Any) -> Any:
        said = await answer(context, value)
        await work.begin_waiting(value, context)
        return said

    return respond


@overload
def respond(
    answer: Callable[[I], Awaitable[O]],
    *,
    then: Any,
    full: Full = "drop",
    room: int = 1000,
    copy: bool = True,
    grace: float = 30.0,
    name: str = "respond",
) -> Step[I, O]: ...
@overload
def respond(
    answer: Callable[[I], O],
    *,
    then: Any,
    full: Full = "drop",
    room: int = 1000,
    copy: bool = True,
    grace: float = 30.0,
    name: str = "respond",
) -> Step[I, O]: ...
@overload
def respond(
    answer: None = None,
    *,
    then: Any,
    full: Full = "drop",
    room: int = 1000,
    copy: bool = True,
    grace: float = 30.0,
    name: str = "respond",
) -> Step[Any, Any]: ...


def respond(
    answer: Any = None,
    *,
    then: Any,
    full: Full = "drop",
    room: int = 1000,
    copy: bool = True,
    grace: float = 30.0,
    name: str = "respond",
) -> Step[Any, Any]:
    """A last step that gives the answer at once, and goes on with `then` aside.

    answer: a function of the value that says the answer; the value itself when left out.  Its error
            is the event's, and nothing goes on then.
    then:   the steps that go on with the value, as in a `tap`, which says what the rest means

    Raises `GraphError` for a step that comes after it: that one goes into `then`.

    >>> from pelton import Graph, steps
    >>> kept = []
    >>> def receipt(order: str) -> str:
    ...     return f"received: {order}"
    >>> def work(order: str) -> None:
    ...     kept.append(order)
    >>> graph = Graph("orders", str) >> steps.respond(receipt, then=work)
    >>> graph("7 apples"), graph.settle(), kept
    ('received: 7 apples', True, ['7 apples'])
    """
    at = place()
    if isinstance(answer, str):
        raise wrong(f"respond {name!r}: answer={answer!r} is no function", at=at)
    asked = None if answer is None else ask(answer, f"respond {name!r}: answer", at)
    return Respond((("then", steps_of(then)),), asked, Room(room, full, copy, grace), name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    answer = spec.option("answer")
    asked = None if answer is None else read(answer, f"respond {spec.name!r}: answer", at)
    return Respond(branches, asked, room_of(spec), spec.name, at)
