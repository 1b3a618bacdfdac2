"""Converters of classes with fields: TypedDicts and dataclasses, which may name themselves."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from .faults import Fault, wrong
from .scalars import Encode
from .types import Converter, Unknown, converter

# Classes whose fields are being read, and what stands for them in their own fields.
_open: dict[Any, list[Converter]] = {}


def typed_dict(annotation: Any) -> Converter:
    return _of_fields(annotation, _typed_dict)


def dataclass(annotation: Any) -> Converter:
    return _of_fields(annotation, _dataclass)


def _of_fields(annotation: Any, make: Callable[[Any], Converter]) -> Converter:
    """The converter of a class with fields, which may name the class itself."""
    known = _open.get(annotation)
    if known is not None:
        return Converter(
            lambda value: known[0].decode(value),
            lambda value: known[0].encode(value) if known[0].encode else value,
        )
    made = _open[annotation] = []
    try:
        made.append(make(annotation))
    finally:
        del _open[annotation]
    return made[0]


def _parts(annotation: Any, hints: dict[str, Any]) -> dict[str, Converter]:
    """The converter of each field; raises `Unknown` with the path to the field."""
    parts = {}
    for name, hint in hints.items():
        try:
            parts[name] = converter(hint)
        except Unknown as error:
            path = error.path or f"{annotation.__name__}.{name}"
            raise Unknown(error.annotation, path) from None
    return parts


def _typed_dict(annotation: Any) -> Converter:
    hints = typing.get_type_hints(annotation, include_extras=True)
    parts = _parts(annotation, hints)
    required = required_keys(annotation, hints)

    def decode(value: Any) -> Any:
        if not isinstance(value, dict):
            raise wrong("an object", value)
        return _fields(parts, required, value)

    return Converter(decode, _object_encoder(parts, dict.get, lambda value: value.keys()))


def required_keys(annotation: Any, hints: dict[str, Any]) -> frozenset[str]:
    """A TypedDict's fields that may not be left out.

    Where its module has its annotations as strings (`from __future__ import annotations`), Python
    cannot tell when it makes the class; the hints, resolved since, do say Required and NotRequired.
    """
    given = vars(annotation)["__required_keys__"]
    said = {name: typing.get_origin(hint) for name, hint in hints.items()}
    return frozenset(
        name
        for name, word in said.items()
        if word is typing.Required or (name in given and word is not typing.NotRequired)
    )


def _dataclass(annotation: Any) -> Converter:
    from dataclasses import MISSING  # loaded already, by who declared it

    hints = typing.get_type_hints(annotation, include_extras=True)
    fields = annotation.__dataclass_fields__
    given = [name for name, each in fields.items() if each.init]
    parts = _parts(annotation, {name: hints[name] for name in fields})
    required = frozenset(
        name
        for name in given
        if fields[name].default is MISSING and fields[name].default_factory is MISSING
    )

    def decode(value: Any) -> Any:
        if not isinstance(value, dict):
            raise wrong("an object", value)
        inner = {name: parts[name] for name in given}
        try:
            return annotation(**_fields(inner, required, value))
        except (ValueError, AssertionError) as error:  # the class's own __post_init__ refuses
            raise Fault(str(error), "value") from error

    return Converter(decode, _object_encoder(parts, getattr, lambda _: parts))


def _fields(parts: dict[str, Converter], required: Any, value: dict[str, Any]) -> dict[str, Any]:
    try:
        if required <= value.keys():
            return {name: part.decode(value[name]) for name, part in parts.items() if name in value}
    except Fault:
        pass
    raise Fault("", "", several=_all_faults(parts, required, value))


def _all_faults(
    parts: dict[str, Converter], required: Any, value: dict[str, Any]
) -> list[dict[str, Any]]:
    """Everything that is wrong, in the order of the fields; asked when something is."""
    found: list[dict[str, Any]] = []
    for name, part in parts.items():
        try:
            if name in value:
                part.decode(value[name])
            elif name in required:
                raise Fault("is missing", "missing")
        except Fault as fault:
            found += fault.under(name).details()
    return found


def _object_encoder(
    parts: dict[str, Converter], get: Callable[..., Any], names: Callable[[Any], Any]
) -> Encode:
    def encode(value: Any) -> Any:
        out = {}
        for name in names(value):
            each = get(value, name)
            part = parts.get(name)
            out[name] = part.encode(each) if part and part.encode else each
        return out

    return encode
