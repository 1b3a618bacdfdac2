"""Aliases written with `type`: what an annotation means, whatever it is called.

numpy's `NDArray[float32]` is such an alias from Python 3.12 on.
"""

from __future__ import annotations

import typing
from typing import Any


def unaliased(annotation: Any) -> Any:
    """The annotation that an alias stands for, its parameters filled in; others as they are.

    >>> unaliased(list[int])
    list[int]
    """
    if type(annotation).__name__ == "TypeAliasType":
        return unaliased(annotation.__value__)
    alias = typing.get_origin(annotation)
    if type(alias).__name__ != "TypeAliasType":
        return annotation
    given = dict(zip(alias.__type_params__, typing.get_args(annotation), strict=False))
    free = getattr(alias.__value__, "__parameters__", ())
    filled = tuple(given.get(each, Any) for each in free)
    return unaliased(alias.__value__[filled] if free else alias.__value__)
