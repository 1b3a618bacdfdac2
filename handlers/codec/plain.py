"""Any value as JSON by what it is: the one rule for what leaves a function, whatever the door.

A value that JSON has no form for is refused with the path to it, here and not by the one platform
or other that would marshal it: NaN and the infinities too, which are no JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from typing import Any

from .faults import Fault
from .scalars import scalar

# JSON as they are; the exact classes, as a subclass may say something else of itself.
ATOMS = frozenset({str, int, bool, type(None)})
_ARRAYS = (list, tuple, set, frozenset)


def to_json(value: Any) -> Any:
    """A value as JSON by what it is; raises `Fault` with the path to what JSON has no form for.

    Of a value of your own: an Enum is its value, a dataclass or a model an object of its fields, a
    named tuple an array, a set an array; bytes are base64, times ISO 8601, Decimal and UUID text.

    >>> to_json({"at": {1, 1}, "who": None})
    {'at': [1], 'who': None}
    """
    kind = value.__class__
    if kind in ATOMS:
        return value
    if kind is float:
        return _finite(value)
    if kind is dict:
        return _object(value.items())
    if kind in _ARRAYS:
        return _array(value)
    return _rich(value, kind)


def _finite(value: float) -> float:
    if value - value == 0:  # not so of NaN and the infinities
        return value
    raise Fault(f"the float {value}", "number")


def _object(items: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    return {
        (name if name.__class__ is str else _name(name)): (
            each if each.__class__ in ATOMS else _at(each, name)
        )
        for name, each in items
    }


def _array(values: Collection[Any]) -> list[Any]:
    if ATOMS.issuperset(map(type, values)):
        return list(values)
    return [
        each if each.__class__ in ATOMS else _at(each, place) for place, each in enumerate(values)
    ]


def _at(value: Any, key: Any) -> Any:
    try:
        return to_json(value)
    except Fault as fault:
        raise fault.under(key) from None


def _name(key: Any) -> Any:
    """A key; every JSON writer writes numbers, booleans and None as text in the same way."""
    plain = to_json(key)
    if isinstance(plain, dict | list):
        raise Fault(f"the key {key!r}", "key")
    return plain


def _rich(value: Any, kind: type) -> Any:
    if isinstance(value, Enum):
        return to_json(value.value)
    for base, plain in _BASES:
        if isinstance(value, base):
            return plain(value)
    if isinstance(value, _ARRAYS):
        return _array(value)
    if hasattr(kind, "__dataclass_fields__"):
        return _object((name, getattr(value, name)) for name in kind.__dataclass_fields__)
    from .foreign import foreign_converter

    for base in kind.__mro__[:-1]:
        if rule := scalar(base) or foreign_converter(base):
            return to_json(_encoded(value, rule[1])) if rule[1] else value
    if kind.__module__ == "numpy" and hasattr(value, "item"):
        return to_json(value.item())
    if isinstance(value, Mapping):
        return _object(value.items())
    raise Fault(f"a {kind.__name__}", "type")


def _encoded(value: Any, encode: Callable[[Any], Any]) -> Any:
    try:
        return encode(value)
    except (TypeError, ValueError) as error:  # a model with a field that its library cannot write
        raise Fault(f"a {type(value).__name__} ({error})", "type") from None


# What an instance of a subclass of JSON's own types is, without what the subclass says of itself.
_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int),
    (float, lambda value: _finite(float(value))),
    (dict, lambda value: _object(value.items())),
)
