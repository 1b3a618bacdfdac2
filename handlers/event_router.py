"""`EventRouter`: one function for several kinds of event, each with a handler of its own.

An app serves it as it serves a graph; the codec decodes to one of the handlers' types, and the
handler of that type is called.  Knows no platform.
"""

from __future__ import annotations

import functools
import sys
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from .checks import caller
from .codec.signature import read_signature
from .codec.tags import tag_of
from .codec.types import type_name
from .errors import WrongUse

if TYPE_CHECKING:
    from .context import Context
    from .telemetry import Telemetry

H = TypeVar("H", bound=Callable[..., Any])
Call = Callable[[Any, Any], Any]


class EventRouter:
    """Sends each event to the handler of its type.

    name: of the function that serves it

    An event that is of no handler's type is refused, or goes to the `default`.  Types that a
    Literal field tells apart (`kind: Literal["placed"]`) are told apart by it alone; others are
    tried in the order of their handlers.

    >>> from dataclasses import make_dataclass
    >>> from typing import Literal
    >>> import pelton
    >>> from pelton import testing
    >>> Placed = make_dataclass("Placed", [("kind", Literal["placed"]), ("n", int)])
    >>> Cancelled = make_dataclass("Cancelled", [("kind", Literal["cancelled"])])
    >>> router = pelton.EventRouter("orders")
    >>> @router.on
    ... def place(event: Placed) -> str:
    ...     return f"{event.n} placed"
    >>> @router.on
    ... async def cancel(event: Cancelled, context: pelton.Context) -> str:
    ...     return "cancelled"
    >>> app = pelton.App("shop")
    >>> orders = app.serve(router)
    >>> testing.invoke(orders, {"kind": "placed", "n": 2})
    '2 placed'
    >>> testing.invoke(orders, {"kind": "cancelled"})
    'cancelled'
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.handlers: list[Callable[..., Any]] = []
        self.is_async = False
        # Of each kind of event: its type, its handler's name, and how that is called.
        self._kinds: list[Any] = []
        self._names: list[str] = []
        self._calls: list[Call] = []
        self._outputs: list[Any] = []
        self._default: Call | None = None
        self._where = caller(2)
        self._tag: tuple[str, dict[Any, int]] | None = None

    def on(self, handler: H) -> H:
        """A handler of the type that its event parameter is annotated with; sync or async, with or
        without a context.

        Raises `WrongUse` with file and line for one without a type, or with the type of another.
        """
        kind, call = self._read(handler, sys._getframe(1).f_locals)
        if kind is Any:
            raise self._wrong(
                handler,
                "has no type of event",
                "annotate its event parameter, or use @router.default for the rest",
            )
        for known, other in zip(self._kinds, self._names, strict=True):
            if known == kind:
                what = f"takes {type_name(kind)}, as {other} does"
                raise self._wrong(handler, what, "keep one of them")
        self._kinds.append(kind)
        self._names.append(handler.__name__)
        self._calls.append(call)
        return handler

    def default(self, handler: H) -> H:
        """The handler of what fits no type: it gets the decoded body.

        Raises `WrongUse` with file and line for a second one.
        """
        _, call = self._read(handler, sys._getframe(1).f_locals)
        if self._default is not None:
            raise self._wrong(handler, "is a second default", "keep one of them")
        self._default = call
        return handler

    # -- what an app serves
    @property
    def input_type(self) -> Any:
        """The union of the handlers' types."""
        return typing.Union[(*self._kinds, *([Any] if self._default else []))]

    @property
    def output_type(self) -> Any:
        """What all handlers answer; anything where they differ."""
        first, *others = self._outputs
        return first if all(each == first for each in others) else Any

    def check(self) -> None:
        """Raise `WrongUse` where events could not be told apart."""
        file, line = self._where
        kinds = self._kinds
        if not kinds:
            raise WrongUse(
                f"event router {self.name} has no handlers",
                file=file,
                line=line,
                advice="put @router.on above a function",
            )
        try:
            self._tag = tag_of(kinds)
        except NameError:
            return  # of an annotation: the codec, which is made next, says which and where
        loose = [each for each in kinds if typing.is_typeddict(each) or not isinstance(each, type)]
        if self._tag is None and loose and len(kinds) > 1:
            raise WrongUse(
                f"event router {self.name}: events of {type_name(loose[0])} cannot be told from "
                "the others",
                file=file,
                line=line,
                advice='give each type a field with a Literal of its own: kind: Literal["placed"]',
            )

    def __call__(self, value: Any, context: Any = None) -> Any:
        return self._call_for(value)(value, context)

    def load(self, context: Context, *, telemetry: Telemetry | None = None) -> None:
        """Nothing: handlers are plain functions."""

    def drain(self, context: Context) -> None:
        """Nothing."""

    def stop(self, context: Context) -> None:
        """Nothing."""

    # -- parts
    def _call_for(self, value: Any) -> Call:
        if self._tag is not None:
            field, values = self._tag
            told = value.get(field) if isinstance(value, dict) else getattr(value, field, None)
            number = values.get(told) if isinstance(told, (str, int)) else None
            if number is not None:
                return self._whole(self._calls[number])
        else:
            for kind, call in zip(self._kinds, self._calls, strict=True):
                if not isinstance(kind, type) or isinstance(value, kind):
                    return self._whole(call)
        assert self._default is not None  # the codec lets nothing else through
        return self._whole(self._default)

    def _whole(self, call: Call) -> Call:
        return functools.partial(_in_loop, call) if self.is_async else call

    def _read(self, handler: Callable[..., Any], names: Any) -> tuple[Any, Call]:
        code = handler.__code__
        where = code.co_filename, code.co_firstlineno
        signature = read_signature(handler, where, names)
        if "body" not in signature.order:
            raise self._wrong(handler, "takes no event", "give it an event parameter")
        self.is_async = self.is_async or signature.is_async
        self.handlers.append(handler)
        self._outputs.append(signature.output_type)
        return signature.input_type, _by_order(handler, signature.order)

    def _wrong(self, handler: Callable[..., Any], what: str, advice: str) -> WrongUse:
        code = handler.__code__
        return WrongUse(
            f"event router {self.name}: handler {handler.__name__} {what}",
            file=code.co_filename,
            line=code.co_firstlineno,
            advice=advice,
        )


def _by_order(handler: Callable[..., Any], order: tuple[str, ...]) -> Call:
    if order == ("body",):
        return lambda value, context: handler(value)
    if order == ("body", "context"):
        return handler
    return lambda value, context: handler(context, value)


async def _in_loop(call: Call, value: Any, context: Any) -> Any:
    """A handler's answer where some of the handlers are async."""
    answer = call(value, context)
    return await answer if hasattr(answer, "__await__") else answer
