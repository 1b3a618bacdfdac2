"""Dataclasses of this package as JSON and back, for what is kept between builds.

Nothing is unpickled: only the dataclasses of `pelton.builders` are made, by their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

PLAIN = (str, int, float, bool, type(None))
OWN = __package__


def encode(value: Any) -> Any:
    """`value` as what JSON has.  Raises `TypeError` for what it has no form for.

    >>> decode(encode({"a": (1, Path("b"))}))
    {'a': (1, PosixPath('b'))}
    """
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, Path):
        return {"path": str(value)}
    if is_dataclass(value) and not isinstance(value, type):
        return {"is": _name(type(value)), "of": _values(value)}
    if isinstance(value, tuple):
        kinds = {type(each) for each in value}
        if len(value) > 1 and len(kinds) == 1 and is_dataclass(kind := kinds.pop()):
            rows = [_values(each) for each in value]
            form = "plain" if all(isinstance(e, PLAIN) for row in rows for e in row) else "rows"
            return {form: _name(kind), "of": rows}
        return {"tuple": [encode(each) for each in value]}
    if isinstance(value, list):
        return [encode(each) for each in value]
    if isinstance(value, frozenset):
        return {"set": [encode(each) for each in sorted(value)]}
    if isinstance(value, Mapping):
        return {"map": [[encode(key), encode(each)] for key, each in value.items()]}
    raise TypeError(f"{type(value).__name__} has no form in a record")


def decode(value: Any) -> Any:
    """What `encode` was given.  Raises `ValueError` for what is no record of ours."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, list):
        return [decode(each) for each in value]
    if "plain" in value:  # thousands of files: what they hold needs no second look
        kind = _kind(value["plain"])
        return tuple(kind(*each) for each in value["of"])
    if "rows" in value:
        kind = _kind(value["rows"])
        return tuple(kind(*map(decode, each)) for each in value["of"])
    if "is" in value:
        return _kind(value["is"])(*map(decode, value["of"]))
    ((form, inside),) = value.items()
    if form == "map":
        return {decode(key): decode(each) for key, each in inside}
    if form == "tuple":
        return tuple(map(decode, inside))
    if form == "set":
        return frozenset(map(decode, inside))
    if form == "path":
        return Path(inside)
    raise ValueError(f"a record has no form {form!r}")


def _values(value: Any) -> list[Any]:
    return [encode(getattr(value, each.name)) for each in fields(value)]


def _name(kind: type) -> str:
    if not kind.__module__.startswith(f"{OWN}."):
        raise TypeError(f"{kind.__name__} is not of {OWN}")
    return f"{kind.__module__.removeprefix(OWN)}:{kind.__qualname__}"


@cache
def _kind(name: str) -> type:
    module, _, attribute = name.partition(":")
    if not module.startswith(".") or ".." in module:
        raise ValueError(f"{name} is not of {OWN}")
    kind = getattr(import_module(module, OWN), attribute)
    if not is_dataclass(kind) or not isinstance(kind, type):
        raise ValueError(f"{name} is no dataclass")
    return kind
