"""Which errors a policy is for: classes in the user's words, references in a spec."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...handlers.errors import InvalidInput, MalformedBody, Reject
from ..refer import Place, reference, resolve, wrong

Types = tuple[type[Exception], ...]

# What is wrong with the event and not with the step: the same event fails again, anywhere.
REFUSALS: Types = (InvalidInput, MalformedBody, Reject)


def error_types(on: Any, what: str, at: Place) -> Types:
    """The classes given, one or several.  Raises `GraphError` for anything else."""
    given = tuple(on) if isinstance(on, Iterable) and not isinstance(on, (str, type)) else (on,)
    for each in given:
        if not isinstance(each, type) or not issubclass(each, Exception):
            raise wrong(
                f"{what}: {each!r:.60} is not a class of errors",
                "give exception classes, such as ConnectionError",
                at=at,
            )
    if not given:
        raise wrong(f"{what} is for no error", "name at least one class", at=at)
    return given


def written(types: Types) -> list[str]:
    """The classes as a spec holds them.

    >>> written((ConnectionError,))
    ['builtins:ConnectionError']
    """
    return [reference(each) for each in types]


def read(references: Iterable[str]) -> Types:
    return tuple(resolve(each) for each in references)


def concerns(error: Exception, types: Types) -> bool:
    """Whether a policy for `types` is for this error: one that refuses the event only when it, or a
    class between it and its root, was named.

    >>> concerns(Reject("bad"), (Exception,)), concerns(Reject("bad"), (Reject,))
    (False, True)
    """
    if not isinstance(error, types):
        return False
    if not isinstance(error, REFUSALS):
        return True
    named = tuple(each for each in types if issubclass(each, REFUSALS))
    return isinstance(error, named)
