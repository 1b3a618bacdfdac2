"""Is there a branch for every value, and a value for every branch?  Where a type lists its values,
that is known at build.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from ..fit import members, plain, type_name
from ..refer import Place, meant, wrong
from ..spec import Key


def check_covered(what: str, given: Any, keys: Iterable[Key], at: Place) -> None:
    """Raise when a value of the type `given` has no branch, and the type lists its values."""
    listed = list(keys)
    for value in _values(given):
        said = value.value if isinstance(value, Enum) else value
        if not any(_same(each, said) or _same(each, value) for each in listed):
            shown = (
                f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)
            )
            raise wrong(
                f"{what} has no branch for {shown}",
                "add it, or a branch for every other value",
                at=at,
            )


def check_possible(what: str, given: Any, keys: Iterable[Key], at: Place) -> None:
    """Raise when a branch is for a value that the type `given`, which lists its values, lacks."""
    known = [each.value if isinstance(each, Enum) else each for each in _values(given)]
    if not known:
        return
    for key in keys:
        if not any(_same(key, each) for each in (*known, *_values(given))):
            raise wrong(
                f"{what} has a branch for {key!r}, which {type_name(given)} never is",
                meant(str(key), [str(each) for each in known]),
                at=at,
            )


def _same(key: Key, value: Any) -> bool:
    """Equal as a dict's keys are: 1 and True are one key."""
    return type(key) in (str, int, bool, type(None)) and bool(key == value)


def _values(given: Any) -> list[Any]:
    """The values of a type that lists them; none for one that has more than can be listed.

    >>> _values(bool | None)
    [False, True, None]
    """
    found: list[Any] = []
    for each in map(plain, members(given)):
        if get_origin(each) is Literal:
            found += get_args(each)
        elif isinstance(each, type) and issubclass(each, Enum):
            found += list(each)
        elif each is bool:
            found += [False, True]
        elif each is type(None):
            found.append(None)
        else:
            return []
    return found if found != [None] else []
