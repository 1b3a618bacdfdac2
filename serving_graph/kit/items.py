"""The types of lists: what is in one, and one of a thing."""

from __future__ import annotations

from collections.abc import Iterable
from types import GenericAlias
from typing import Any, get_args, get_origin

from ..fit import members, plain, union


def item_type(given: Any) -> Any:
    """What iterating a value of the type gives; Any where that is not said.

    >>> item_type(tuple[int, ...])
    <class 'int'>
    """
    return union([_one(plain(each)) for each in members(given)])


def _one(given: Any) -> Any:
    origin, arguments = get_origin(given), get_args(given)
    if given in (str, bytes):
        return str if given is str else int
    if not isinstance(origin, type) or not issubclass(origin, Iterable) or not arguments:
        return Any
    if origin is tuple:
        return union([each for each in arguments if each is not Ellipsis])
    return arguments[0]


def list_of(item: Any) -> Any:
    """`list[item]`, made at run time."""
    return GenericAlias(list, (item,))
