"""What a step's function says of itself: the type it takes, the type it gives, whether it waits.

Reads annotations once, when the step is made; never calls the function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

from ..fit import awaited
from ..refer import Place, wrong

_KEYWORDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Signature:
    """A step function's types.  `bound` parameters are given when the step is made."""

    __slots__ = ("context", "input_type", "is_async", "output_type")

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        at: Place,
        *,
        method: bool = False,
        bound: tuple[str, ...] = (),
    ) -> None:
        hints = _hints(function, name, at)
        parameters = _parameters(function, method)
        self.context = next((p.name for p in parameters if _is_context(p, hints)), "")
        value = _value(parameters, {self.context, *bound}, name, at)
        _check_bound(parameters, bound, name, at)
        self.input_type = hints.get(value, Any)
        given = hints.get("return", Any)
        waits = awaited(given)
        self.is_async = inspect.iscoroutinefunction(function) or waits is not None
        self.output_type = given if waits is None else waits


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
        if inspect.iscoroutinefunction(getattr(cls, hook, None)):
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


def _parameters(function: Callable[..., Any], method: bool) -> list[inspect.Parameter]:
    try:
        found = list(inspect.signature(function).parameters.values())
    except ValueError:  # a builtin that does not say
        return [inspect.Parameter("value", inspect.Parameter.POSITIONAL_ONLY)]
    return found[1:] if method else found


def _is_context(parameter: inspect.Parameter, hints: dict[str, Any]) -> bool:
    annotation = hints.get(parameter.name)
    typed = getattr(annotation, "__qualname__", "") == "Context" and (
        getattr(annotation, "__module__", "").endswith("handlers.context")
    )
    return parameter.kind in _KEYWORDS and (typed or parameter.name == "context")


def _value(parameters: list[inspect.Parameter], taken: set[str], name: str, at: Place) -> str:
    """The parameter that gets the value: the first; no other may be left without a default."""
    free = [p for p in parameters if p.name not in taken and p.kind is not p.VAR_KEYWORD]
    if not free or free[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise wrong(f"step {name!r} has no parameter for the value", "add a first parameter", at=at)
    if free[0] is not parameters[0]:
        raise wrong(
            f"step {name!r}: the value goes to the first parameter, {parameters[0].name!r}",
            f"move {free[0].name!r} to the front",
            at=at,
        )
    missing = [p.name for p in free[1:] if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    if missing:
        raise wrong(
            f"step {name!r} takes {', '.join(missing)} besides the value",
            f"give it: step({name}, {missing[0]}=...)",
            at=at,
        )
    return free[0].name


def _check_bound(
    parameters: list[inspect.Parameter], bound: tuple[str, ...], name: str, at: Place
) -> None:
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    unknown = sorted(set(bound) - {p.name for p in parameters if p.kind in _KEYWORDS})
    if unknown:
        raise wrong(f"step {name!r} has no parameter {unknown[0]!r}", at=at)
