"""What a step's function says of itself: the type it takes, the type it gives, whether it waits.

Reads annotations once, when the step is made; never calls the function.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from types import FunctionType
from typing import Any, get_type_hints

from ...handlers.codec.streams import is_stream
from ..fit import awaited
from ..refer import Place, wrong

_POSITIONAL_ONLY, _EITHER, _ARGS, _KEYWORD_ONLY, _KWARGS = range(5)  # `inspect`'s kinds
_BY_KEYWORD = (_EITHER, _KEYWORD_ONLY)
_CO_VARARGS, _CO_VARKEYWORDS, _CO_COROUTINE = 4, 8, 128
_CO_GENERATOR, _CO_ASYNC_GENERATOR = 32, 512


class Parameter:
    """One parameter; `kind` is one of `inspect`'s five, by number."""

    __slots__ = ("kind", "name", "required")

    def __init__(self, name: str, kind: int, required: bool) -> None:
        self.name, self.kind, self.required = name, kind, required


class Signature:
    """A step function's types.  `bound` parameters are given when the step is made.

    values:      how many it is handed: a state and a value are two
    input_types: the types of those; `input_type` is the first
    """

    __slots__ = ("context", "input_type", "input_types", "is_async", "output_type", "streams")

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        at: Place,
        *,
        method: bool = False,
        bound: tuple[str, ...] = (),
        values: int = 1,
    ) -> None:
        hints = _hints(function, name, at)
        parameters = _parameters(function, method)
        self.context = next((p.name for p in parameters if _is_context(p, hints)), "")
        taken = _values(parameters, {self.context, *bound}, name, at, values)
        _check_bound(parameters, bound, name, at)
        self.input_types = tuple(hints.get(each, Any) for each in taken)
        self.input_type = self.input_types[0]
        given = hints.get("return", Any)
        waits = awaited(given)
        self.is_async = _is_coroutine_function(function) or waits is not None
        self.output_type = given if waits is None else waits
        generates = _generates(function)
        self.streams = bool(generates) or is_stream(self.output_type)
        if generates and self.output_type is Any:
            self.output_type = Iterator[Any] if generates == _CO_GENERATOR else AsyncIterator[Any]


def wanted_values(function: FunctionType) -> int:
    """How many values a function cannot be called without, the context aside."""
    annotated = getattr(function, "__annotations__", {})
    wanted = [p for p in _parameters(function, False) if p.required and p.kind != _KEYWORD_ONLY]
    return sum(not _is_context(p, annotated) for p in wanted)


def verb_of(cls: type, name: str, at: Place) -> str:
    """The method that a class step is called by: `__call__` or `do`."""
    for verb in ("__call__", "do"):
        if any(verb in base.__dict__ for base in cls.__mro__):
            _check_load(cls, name, at)
            return verb
    raise wrong(
        f"step {name!r}: the class {cls.__qualname__} has neither __call__ nor do",
        "add one: it gets the value and gives the next one",
        at=at,
    )


def _check_load(cls: type, name: str, at: Place) -> None:
    for hook in ("load", "drain", "close"):
        if _is_coroutine_function(getattr(cls, hook, None)):
            raise wrong(
                f"step {name!r}: {cls.__qualname__}.{hook} is async",
                "write it with a plain def: it runs outside the events' loop",
                at=at,
            )


def _hints(function: Callable[..., Any], name: str, at: Place) -> dict[str, Any]:
    if not getattr(function, "__annotations__", None):
        return {}
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        raise wrong(
            f"step {name!r}: its annotation {error.name!r} is not known where it is defined",
            "import it at run time, not under TYPE_CHECKING",
            at=at,
        ) from error


def _parameters(function: Callable[..., Any], method: bool) -> list[Parameter]:
    if type(function) is FunctionType and not hasattr(function, "__wrapped__"):
        found = _of_function(function)
    else:
        found = _of_callable(function)
    return found[1:] if method else found


def _of_function(function: FunctionType) -> list[Parameter]:
    """Read from the code object: importing `inspect` would cost a cold start 5 ms."""
    code, names = function.__code__, function.__code__.co_varnames
    places, keywords = code.co_argcount, code.co_kwonlyargcount
    without_default = places - len(function.__defaults__ or ())
    found = [
        Parameter(
            names[index],
            _POSITIONAL_ONLY if index < code.co_posonlyargcount else _EITHER,
            index < without_default,
        )
        for index in range(places)
    ]
    rest = places + keywords
    if code.co_flags & _CO_VARARGS:
        found.append(Parameter(names[rest], _ARGS, False))
        rest += 1
    given = function.__kwdefaults__ or {}
    found += [
        Parameter(name, _KEYWORD_ONLY, name not in given)
        for name in names[places : places + keywords]
    ]
    if code.co_flags & _CO_VARKEYWORDS:
        found.append(Parameter(names[rest], _KWARGS, False))
    return found


def _of_callable(function: Callable[..., Any]) -> list[Parameter]:
    import inspect

    try:
        found = inspect.signature(function).parameters.values()
    except ValueError:  # a builtin that does not say
        return [Parameter("value", _POSITIONAL_ONLY, True)]
    return [
        Parameter(
            each.name,
            int(each.kind),
            each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD),
        )
        for each in found
    ]


def _is_coroutine_function(function: Any) -> bool:
    while isinstance(function, partial):
        function = function.func
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return code is not None and bool(code.co_flags & _CO_COROUTINE)


def _generates(function: Any) -> int:
    """Which kind of generator a function is, by its flag; 0 for none."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return 0 if code is None else code.co_flags & (_CO_GENERATOR | _CO_ASYNC_GENERATOR)


def _is_context(parameter: Parameter, hints: dict[str, Any]) -> bool:
    annotation = hints.get(parameter.name)
    typed = getattr(annotation, "__qualname__", "") == "Context" and (
        getattr(annotation, "__module__", "").endswith("handlers.context")
    )
    return parameter.kind in _BY_KEYWORD and (typed or parameter.name == "context")


def _values(
    parameters: list[Parameter], taken: set[str], name: str, at: Place, count: int
) -> list[str]:
    """The parameters that get the values: the first; no other may be left without a default."""
    free = [p for p in parameters if p.name not in taken and p.kind != _KWARGS]
    if not free or free[0].kind == _KEYWORD_ONLY:
        raise wrong(f"step {name!r} has no parameter for the value", "add a first parameter", at=at)
    if free[0] is not parameters[0]:
        raise wrong(
            f"step {name!r}: the value goes to the first parameter, {parameters[0].name!r}",
            f"move {free[0].name!r} to the front",
            at=at,
        )
    if count > 1:
        _check_count(free, name, at, count)
    missing = [p.name for p in free[count:] if p.required]
    if missing:
        raise wrong(
            f"step {name!r} takes {', '.join(missing)} besides the value",
            f"give it: step({name}, {missing[0]}=...)",
            at=at,
        )
    return [each.name for each in free[:count]]


def _check_count(free: list[Parameter], name: str, at: Place, count: int) -> None:
    by_place = [each for each in free if each.kind in (_POSITIONAL_ONLY, _EITHER)]
    if len(by_place) < count and not any(each.kind == _ARGS for each in free):
        raise wrong(
            f"{name!r} is handed {count} values and has {len(by_place)} parameters for them",
            "add a parameter",
            at=at,
        )


def _check_bound(parameters: list[Parameter], bound: tuple[str, ...], name: str, at: Place) -> None:
    if any(p.kind == _KWARGS for p in parameters):
        return
    unknown = sorted(set(bound) - {p.name for p in parameters if p.kind in _BY_KEYWORD})
    if unknown:
        raise wrong(f"step {name!r} has no parameter {unknown[0]!r}", at=at)
