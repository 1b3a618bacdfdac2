"""Values without parts: how each leaves JSON and goes back to it.

`SCALARS` maps a type to (decode, encode); encode is None where the value is JSON already.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import decimal
import uuid
from collections.abc import Callable
from typing import Any

from .faults import Fault, wrong

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
    try:
        return base64.b64decode(_str(value), validate=True)
    except binascii.Error:
        raise wrong("base64 text", value, "base64") from None


def _decimal(value: Any) -> decimal.Decimal:
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
    return dt.timedelta(seconds=_float(value))


def _isoformat(value: Any) -> str:
    text: str = value.isoformat()
    return text


SCALARS: dict[Any, tuple[Decode, Encode | None]] = {
    type(None): (_none, None),
    None: (_none, None),
    bool: (_bool, None),
    int: (_int, None),
    float: (_float, None),
    str: (_str, None),
    bytes: (_bytes, lambda value: base64.b64encode(value).decode()),
    decimal.Decimal: (_decimal, str),
    uuid.UUID: (_parsed("a UUID", uuid.UUID), str),
    dt.datetime: (_parsed("an ISO 8601 datetime", dt.datetime.fromisoformat), _isoformat),
    dt.date: (_parsed("an ISO 8601 date", dt.date.fromisoformat), _isoformat),
    dt.time: (_parsed("an ISO 8601 time", dt.time.fromisoformat), _isoformat),
    dt.timedelta: (_timedelta, dt.timedelta.total_seconds),
}
