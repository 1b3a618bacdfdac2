"""What a step's option asks of a value: one of its fields, or a function of the user's own.

A predicate, a key, a lookup, a rule that folds: each is a name of a field, a function (plain or
async, with the context where it takes one) or a class that is made once a worker.  Here they are
checked, written into a spec, read back and bound, all in one way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..compile import note
from ..fit import fits, type_name
from ..refer import Place, wrong
from ..spec import StepSpec, canonical
from ..steps.call import CallStep, call_from, step
from .base import Bound, Step
from .field import check_field, field_type, reader

if TYPE_CHECKING:
    from ..run import Worker

# (context, *values) -> what was asked; the second is awaited.
Plain = Callable[..., Any]
Waiting = Callable[..., Coroutine[Any, Any, Any]]


class Ask:
    """A field, or a function: one of `AskField` and `AskCall`.

    name:        the field, or the function's name
    written:     itself for a spec: `read` is the way back
    input_types: of the values that it is handed
    """

    name: str
    written: dict[str, Any]
    input_types: tuple[Any, ...] = (Any,)
    output_type: Any = Any
    is_async = takes_context = either = False
    references: tuple[str, ...] = ()

    def check(self, given: Any, what: str, at: Place, *, place: int = 0) -> None:
        """Raise when a value of the type `given` cannot be asked this.  what: "join 'weather'"."""
        wanted = self.input_types[place]
        if not fits(given, wanted):
            raise wrong(
                f"{what}: {self.name} takes {type_name(wanted)} but is handed {type_name(given)}",
                "change one annotation",
                at=at,
            )

    def plain(self, worker: Worker, path: str) -> Plain:
        raise NotImplementedError

    def waiting(self, worker: Worker, path: str, *, is_async: bool) -> Waiting:
        """The form that is awaited; without `is_async` nothing in it ever waits."""
        ask = self.plain(worker, path)

        async def lift(context: Any, *values: Any) -> Any:
            return ask(context, *values)

        return lift


class AskField(Ask):
    """A field by name, dots leading deeper."""

    def __init__(self, by: str) -> None:
        self.name, self.written = by, {"field": by}

    def check(self, given: Any, what: str, at: Place, *, place: int = 0) -> None:
        check_field(f"{what} goes by", self.name, given, at)
        self.output_type = field_type(given, self.name)

    def plain(self, worker: Worker, path: str) -> Plain:
        read = reader(self.name)

        def ask(context: Any, value: Any) -> Any:
            try:
                return read(value)
            except Exception as error:
                note(error, path, value)
                raise

        return ask


class AskCall(Ask):
    """A function, or a class with `__call__` or `do`."""

    def __init__(self, call: CallStep) -> None:
        self.call, self.name = call, call.name
        self.input_types, self.output_type = call.input_types, call.output_type
        self.is_async, self.takes_context = call.is_async, call.takes_context
        self.either, self.references = call.either, call.references
        self.written = {"function": call.spec.reference, "name": call.name}
        if options := json.loads(call.spec.options):
            self.written["options"] = options

    def plain(self, worker: Worker, path: str) -> Plain:
        return _plain(self.call.bind(worker, f"{path}/{self.name}"))

    def waiting(self, worker: Worker, path: str, *, is_async: bool) -> Waiting:
        call: Step[Any, Any] = self.call
        if is_async and call.either:
            call = call.waiting()
        if not call.is_async:
            return super().waiting(worker, path, is_async=is_async)
        return _waiting(call.bind(worker, f"{path}/{self.name}"))


def ask(thing: Any, what: str, at: Place, *, values: int = 1, name: str = "", **more: Any) -> Ask:
    """`thing` as a question; a string is a field's name.  what: "join 'weather': by"

    values: how many it is handed; name and more: as `step` takes them
    Raises `GraphError` for what is neither a field nor a function or class.
    """
    if isinstance(thing, str) and thing and values == 1:
        return AskField(thing)
    if isinstance(thing, CallStep) and values == 1 and not more:
        return _call(thing, what, at)
    if not callable(thing) or isinstance(thing, Step) or hasattr(thing, "as_step"):
        field = "the name of a field, or " if values == 1 else ""
        raise wrong(
            f"{what} is {thing!r:.60}",
            f"give {field}a function written with def, or a class",
            at=at,
        )
    if values == 1:
        made = step(thing, name=name, **more)
        assert isinstance(made, CallStep)
        return _call(made, what, at)
    return _call(CallStep(thing, name, more, at, values), what, at)


def read(written: dict[str, Any], what: str, at: Place, *, values: int = 1) -> Ask:
    """The question that a spec says.  Raises `GraphError` for what is not here."""
    if "field" in written:
        return AskField(written["field"])
    if "function" not in written:
        raise wrong(f"{what} is {written!r:.60}, neither a field nor a function", at=at)
    options = canonical(written.get("options", {}))
    spec = StepSpec("call", written.get("name", ""), written["function"], options)
    return _call(call_from(spec, at, values), what, at)


def _call(call: CallStep, what: str, at: Place) -> AskCall:
    """Raises `GraphError` for a generator: its call is over before it has said anything."""
    if call.streams:
        raise wrong(
            f"{what} is the generator {call.name!r}",
            "return the value: a stream can be given by a graph's own last step only",
            at=at,
        )
    return AskCall(call)


def takes(holder: Step[Any, Any], *asks: Ask | None) -> None:
    """Make a step's own what its questions need: to wait, the context, code in the artifact."""
    for each in filter(None, asks):
        holder.is_async = holder.is_async or each.is_async
        holder.takes_context = holder.takes_context or each.takes_context
        holder.either = holder.either or each.either
        holder.references = (*holder.references, *each.references)


def _digested(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else values


def _plain(bound: Bound) -> Plain:
    call, path, word = bound.call, bound.path, bound.context

    def ask(context: Any, *values: Any) -> Any:
        try:
            return call(*values, **{word: context}) if word else call(*values)
        except Exception as error:
            note(error, path, _digested(values))
            raise

    return ask


def _waiting(bound: Bound) -> Waiting:
    call, path, word = bound.call, bound.path, bound.context

    async def ask(context: Any, *values: Any) -> Any:
        try:
            return await (call(*values, **{word: context}) if word else call(*values))
        except Exception as error:
            note(error, path, _digested(values))
            raise

    return ask
