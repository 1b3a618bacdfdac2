"""Values without parts: how each leaves JSON and goes back to it.

`scalar(type)` gives (decode, encode); encode is None where the value is JSON already.  Decimal,
UUID and the times are found by name: who annotates with one has imported its module, and an
artifact that has none must not pay for them (5 ms of a cold start).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .faults import Fault, wrong

if TYPE_CHECKING:
    import datetime as dt
    import decimal

Decode = Callable[[Any], Any]
Encode = Callable[[Any], Any]


def _none(value: Any) -> None:
    if value is not None:
        raise wrong("null", value)


def _bool(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise wrong("true or false", value)


def _int(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise wrong("an integer", value)


def _float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    raise wrong("a number", value)


def _str(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise wrong("a string", value)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    text = _str(value)
    import binascii

    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise wrong("base64 text", value, "base64") from None


def _base64(value: bytes) -> str:
    import binascii

    return binascii.b2a_base64(value, newline=False).decode()


def _decimal(value: Any) -> decimal.Decimal:
    import decimal

    if isinstance(value, bool) or not isinstance(value, str | int | float | decimal.Decimal):
        raise wrong("a decimal number", value)
    try:
        return decimal.Decimal(str(value))
    except decimal.InvalidOperation:
        raise wrong("a decimal number", value, "decimal") from None


def _parsed(expected: str, parse: Callable[[str], Any]) -> Decode:
    def decode(value: Any) -> Any:
        try:
            return parse(_str(value))
        except ValueError:
            raise wrong(expected, value, expected.split()[-1]) from None
        except Fault:
            raise wrong(expected, value) from None

    return decode


def _timedelta(value: Any) -> dt.timedelta:
    import datetime as dt

    return dt.timedelta(seconds=_float(value))


def _isoformat(value: Any) -> str:
    text: str = value.isoformat()
    return text


Rule = tuple[Decode, Encode | None]

_BUILTIN: dict[Any, Rule] = {
    type(None): (_none, None),
    None: (_none, None),
    bool: (_bool, None),
    int: (_int, None),
    float: (_float, None),
    str: (_str, None),
    bytes: (_bytes, _base64),
}

_IMPORTED: dict[tuple[str, str], Callable[[Any], Rule]] = {
    ("decimal", "Decimal"): lambda _: (_decimal, str),
    ("uuid", "UUID"): lambda uuid: (_parsed("a UUID", uuid), str),
    ("datetime", "datetime"): lambda of: (
        _parsed("an ISO 8601 datetime", of.fromisoformat),
        _isoformat,
    ),
    ("datetime", "date"): lambda of: (_parsed("an ISO 8601 date", of.fromisoformat), _isoformat),
    ("datetime", "time"): lambda of: (_parsed("an ISO 8601 time", of.fromisoformat), _isoformat),
    ("datetime", "timedelta"): lambda of: (_timedelta, of.total_seconds),
}


def scalar(annotation: Any) -> Rule | None:
    """The rule of a scalar type; None for any other annotation.

    >>> decode, encode = scalar(float)
    >>> decode(3), encode
    (3.0, None)
    """
    try:
        if rule := _BUILTIN.get(annotation):
            return rule
    except TypeError:  # an unhashable annotation is no scalar
        return None
    if not isinstance(annotation, type):
        return None
    make = _IMPORTED.get((annotation.__module__, annotation.__qualname__))
    return make(annotation) if make else None
