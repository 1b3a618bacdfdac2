"""What the steps of a batched one say of a batch: how they take values, and what they answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, get_args, get_origin, is_typeddict

from ..fit import members, plain, type_name, union
from ..kit.base import Step
from ..refer import wrong
from .rows import Takes

_LISTS = (list, tuple, Sequence, Iterable, Collection)


def takes(given: Any, step: Step[Any, Any]) -> Takes:
    given = plain(given)
    origin = get_origin(given) or given
    if origin in (Any, object) or origin in _LISTS:
        return "list"
    if _is_array(origin):
        return "array"
    if is_typeddict(origin) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return "columns"
    raise wrong(
        f"batched {step.name!r}: {step.branches[0][1][0].name} takes {type_name(given)}, not a "
        "list of values",
        "let it take list[...], a numpy array or a dict of columns, and give as many answers",
        at=step.place,
    )


def _is_array(origin: Any) -> bool:
    return getattr(origin, "__module__", "") == "numpy" and origin.__name__ == "ndarray"


def item_of(given: Any) -> Any:
    given = plain(given)
    origin, arguments = get_origin(given) or given, get_args(given)
    return arguments[0] if origin in _LISTS and arguments else Any


def answer_of(given: Any, step: Step[Any, Any]) -> Any:
    given = plain(given)
    origin, arguments = get_origin(given) or given, get_args(given)
    if origin in _LISTS:
        kinds = members(arguments[0]) if arguments else (Any,)
        answers = [each for each in kinds if not _is_error(each)]
        return union(answers)
    columns = is_typeddict(origin) or (isinstance(origin, type) and issubclass(origin, Mapping))
    if origin in (Any, object) or _is_array(origin) or columns:
        return Any
    raise wrong(
        f"batched {step.name!r}: {step.branches[0][1][-1].name} gives {type_name(given)}, not an "
        "answer for each value",
        "let it give a list, as long as the one that it takes",
        at=step.place,
    )


def _is_error(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)
