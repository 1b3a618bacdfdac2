"""Answers that come as items: which annotations say so, and what they say an item is.

An iterator is a stream; a union with one among its members may be a stream or a whole answer.
"""

from __future__ import annotations

import types
import typing
from functools import reduce
from operator import or_
from typing import Any

_STREAMS = ("Iterator", "Generator", "AsyncIterator", "AsyncGenerator")


def is_stream(annotation: Any) -> bool:
    """Whether an answer of this type is, or may be, a stream.

    >>> from collections.abc import Iterator
    >>> is_stream(Iterator[str]), is_stream(int | Iterator[str]), is_stream(list[str])
    (True, True, False)
    """
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return any(map(is_stream, typing.get_args(annotation)))
    origin = typing.get_origin(annotation) or annotation
    module = getattr(origin, "__module__", "")
    return module in ("collections.abc", "typing") and getattr(origin, "__name__", "") in _STREAMS


def parts(annotation: Any) -> tuple[Any, Any]:
    """(the type of an item, the type of a whole answer): of the latter None where there is none.

    >>> from collections.abc import Iterator
    >>> parts(Iterator[str]), parts(int | Iterator[str])
    ((<class 'str'>, None), (<class 'str'>, <class 'int'>))
    """
    members = (annotation,)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = typing.get_args(annotation)
    items = [(typing.get_args(each) or (Any,))[0] for each in members if is_stream(each)]
    whole = [each for each in members if not is_stream(each)]
    if not items:  # a generator without an annotation
        return Any, None
    if Any in items or len(items) > 1:
        return Any, reduce(or_, whole) if whole else None
    return items[0], reduce(or_, whole) if whole else None


def is_iterator(value: Any) -> bool:
    """Whether an answer is a stream."""
    return hasattr(value, "__next__") or hasattr(value, "__anext__")
