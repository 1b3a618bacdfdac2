"""Values as keys: what two equal values have in common, as something that can be looked up.

Unlike a digest nothing is left out, so that two values never meet by accident.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

_ATOMS = (str, int, float, bool, bytes, type(None))


def freeze(value: Any) -> Hashable:
    """A hashable that is equal for equal values of equal types: 1, 1.0 and True are three.

    Dicts, lists, sets, dataclasses, pydantic models and arrays are taken by what they hold, other
    hashable objects as themselves.  Raises `TypeError` for what has no such form.

    >>> freeze({"a": [1, 2]}) == freeze({"a": [1, 2]}), freeze(1) == freeze(True)
    (True, False)
    """
    kind = type(value)
    if kind in _ATOMS:
        return kind, value
    if isinstance(value, Mapping):
        pairs = frozenset((freeze(key), freeze(each)) for key, each in value.items())
        return kind, pairs
    if isinstance(value, (list, tuple)):
        return kind, tuple(map(freeze, value))
    if isinstance(value, (set, frozenset)):
        return kind, frozenset(map(freeze, value))
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):
        return kind, str(value.dtype), tuple(value.shape), value.tobytes()
    if hasattr(kind, "model_fields") or hasattr(kind, "__dataclass_fields__"):
        return kind, _fields(value)
    if getattr(kind, "__hash__", None) is None:
        raise TypeError(f"{value!r:.60} ({kind.__name__}) is no key: say what it goes by, key=...")
    return kind, value


def _fields(value: Any) -> Hashable:
    names = getattr(type(value), "__dataclass_fields__", None) or vars(value)
    return tuple((name, freeze(getattr(value, name))) for name in names)
