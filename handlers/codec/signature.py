"""Which parameter of a function takes the event and which the context; wrong use is said here."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any

from ..context import Context
from ..errors import WrongUse
from ..frozen import Frozen

CO_VARARGS, CO_VARKEYWORDS, CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR = 4, 8, 32, 128, 512


class Signature(Frozen):
    """`order` lists "body" and "context" as the function takes them, by position.

    streams: the answer is, or may be, an iterator, and `output_type` says so
    """

    order: tuple[str, ...]
    input_type: Any
    output_type: Any
    is_async: bool
    streams: bool = False


def unwrapped(fn: Any) -> Any:
    """The function that decorators made with functools.wraps stand around."""
    for _ in range(100):  # a circle of __wrapped__ is no function
        inner = getattr(fn, "__wrapped__", None)
        if inner is None:
            break
        fn = inner
    return fn


def read_signature(
    fn: Callable[..., Any], where: tuple[str, int], local_names: Mapping[str, Any]
) -> Signature:
    """The signature of a plain function; raises `WrongUse` at `where` (file, line)."""
    file, line = where
    outer, fn = getattr(fn, "__code__", None), unwrapped(fn)
    code = fn.__code__
    if code.co_flags & (CO_GENERATOR | CO_ASYNC_GENERATOR):
        raise WrongUse(
            f"function {fn.__name__} is a generator; its answer cannot be streamed here",
            file=file,
            line=line,
            advice="return a value",
        )
    if code.co_flags & (CO_VARARGS | CO_VARKEYWORDS) or code.co_kwonlyargcount:
        raise WrongUse(
            f"function {fn.__name__} takes *args, **kwargs or keyword-only parameters",
            file=file,
            line=line,
            advice="take one event and, if you like, a context",
        )
    hints = _hints(fn, where, local_names)
    names = code.co_varnames[: code.co_argcount]
    contexts = [name for name in names if hints.get(name) is Context]
    if not contexts and "context" in names and "context" not in hints:
        contexts = ["context"]
    bodies = [name for name in names if name not in contexts]
    _one("body", bodies, fn.__name__, where)
    _one("context", contexts, fn.__name__, where)
    return Signature(
        order=tuple("context" if name in contexts else "body" for name in names),
        input_type=hints.get(bodies[0], Any) if bodies else None,
        output_type=hints.get("return", Any),
        # A decorator without async around an async function hands its coroutine on.
        is_async=bool((code.co_flags | getattr(outer, "co_flags", 0)) & CO_COROUTINE),
    )


def _one(kind: str, names: list[str], function: str, where: tuple[str, int]) -> None:
    if len(names) > 1:
        raise WrongUse(
            f"function {function} has {len(names)} {kind} parameters: {', '.join(names)}",
            file=where[0],
            line=where[1],
            advice="keep one; put what belongs together into one type"
            if kind == "body"
            else "keep one",
        )


def _hints(
    fn: Callable[..., Any], where: tuple[str, int], local_names: Mapping[str, Any]
) -> dict[str, Any]:
    """The annotations as objects; a type defined inside a function is found in its locals."""
    annotations = fn.__annotations__
    if not any(isinstance(each, str) for each in annotations.values()):
        return dict(annotations)
    try:
        return typing.get_type_hints(fn, localns=dict(local_names), include_extras=True)
    except NameError as error:
        raise WrongUse(
            f"function {fn.__name__}: the annotation {error.name!r} is not defined",
            file=where[0],
            line=where[1],
            advice="define or import the type above the function, and not under TYPE_CHECKING",
        ) from None
