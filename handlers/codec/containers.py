"""Converters of what is built from other types: arrays, objects, unions, and choices of values."""

from __future__ import annotations

from enum import Enum
from typing import Any

from .faults import Fault, wrong
from .plain import to_json
from .scalars import Decode
from .types import ANYTHING, Converter, converter, type_name


def generic(origin: Any, args: tuple[Any, ...]) -> Converter | None:
    """The converter of a container of those arguments; None where it is none.

    >>> generic(list, (int,)).decode([1, 2.0])
    [1, 2]
    """
    name = getattr(origin, "__name__", "")
    if origin in (list, set, frozenset) or name in ("Sequence", "Iterable", "Collection"):
        return _items(origin if origin in (list, set, frozenset) else list, args[0])
    if origin is dict or name in ("Mapping", "MutableMapping"):
        return _mapping(*args)
    return _tuple(args) if origin is tuple else None


def dict_of_a_class(annotation: type[dict[Any, Any]]) -> Converter:
    """A dict's subclass is an object on the way out, and made of one on the way in."""
    decode = _mapping(Any, Any).decode

    def made(value: Any) -> Any:
        found = annotation()
        found.update(decode(value))
        return found

    return Converter(made, to_json)


def enum(annotation: type[Enum]) -> Converter:
    allowed = ", ".join(repr(each.value) for each in annotation)

    def decode(value: Any) -> Any:
        try:
            return annotation(value)
        except ValueError:
            raise wrong(f"one of {allowed}", value, "enum") from None

    return Converter(decode, lambda member: member.value if isinstance(member, Enum) else member)


def literal(allowed: tuple[Any, ...]) -> Converter:
    # 1 == True and 1 == 1.0, so the type is compared with the value.
    known = {(type(each), each) for each in allowed}
    words = ", ".join(repr(each) for each in allowed)

    def decode(value: Any) -> Any:
        try:
            if (type(value), value) in known:
                return value
        except TypeError:
            pass
        raise wrong(f"one of {words}", value, "literal")

    return Converter(decode, None)


def union(args: tuple[Any, ...]) -> Converter:
    members = [converter(each) for each in args]
    names = " or ".join(type_name(each) for each in args)
    optional = [m for m, a in zip(members, args, strict=True) if a is not type(None)]
    if len(optional) > 1 and (tagged := _tagged(args)) is not None:
        return Converter(tagged, to_json if any(m.encode for m in members) else None)

    def decode(value: Any) -> Any:
        if value is None and len(optional) < len(members):
            return None
        if len(optional) == 1:
            return optional[0].decode(value)
        for member in optional:
            try:
                return member.decode(value)
            except Fault:
                continue
        raise wrong(names, value, "union")

    return Converter(decode, None if not any(m.encode for m in members) else to_json)


def _tagged(args: tuple[Any, ...]) -> Decode | None:
    """The decoder of a union whose classes a field tells apart; None where none does."""
    from .tags import tag_of

    kinds = [each for each in args if each not in (type(None), Any)]
    tag = tag_of(kinds)
    if tag is None:
        return None
    field, values = tag
    members, known = [converter(each) for each in kinds], " or ".join(map(repr, values))
    nothing, anything = type(None) in args, Any in args

    def decode(value: Any) -> Any:
        if value is None and nothing:
            return None
        told = value.get(field) if isinstance(value, dict) else None
        number = values.get(told) if isinstance(told, str | int) else None
        if number is not None:
            return members[number].decode(value)
        if anything:
            return value
        if not isinstance(value, dict):
            raise wrong("an object", value)
        raise wrong(known, told, "tag").under(field)

    return decode


def _items(make: Any, item: Any) -> Converter:
    inner = converter(item)
    inner_decode, inner_encode = inner.decode, inner.encode

    def decode(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise wrong("an array", value)
        return make([_at(inner_decode, each, index) for index, each in enumerate(value)])

    def encode(value: Any) -> Any:
        return [inner_encode(each) if inner_encode else each for each in value]

    return Converter(decode, None if make is list and inner_encode is None else encode)


def _at(decode: Decode, value: Any, key: str | int) -> Any:
    try:
        return decode(value)
    except Fault as fault:
        raise fault.under(key) from None


def _mapping(key: Any, item: Any) -> Converter:
    named = converter(str if key is Any else key)
    key_decode, key_encode = named.decode, named.encode
    inner = converter(item)
    inner_decode, inner_encode = inner.decode, inner.encode
    as_it_is = (
        key in (str, Any) and inner_decode is ANYTHING.decode
    )  # JSON's names are strings already

    def decode(value: Any) -> Any:
        if not isinstance(value, dict):
            raise wrong("an object", value)
        if as_it_is:
            return value
        return {
            _at(_key(key_decode), name, name): _at(inner_decode, each, name)
            for name, each in value.items()
        }

    def encode(value: Any) -> Any:
        return {
            (key_encode(name) if key_encode else name): (
                inner_encode(each) if inner_encode else each
            )
            for name, each in value.items()
        }

    return Converter(decode, encode if key_encode or inner_encode else None)


def _key(decode: Decode) -> Decode:
    """JSON's keys are strings; a number as key is read from its text."""

    def from_text(name: Any) -> Any:
        try:
            return decode(name)
        except Fault:
            if isinstance(name, str) and name.lstrip("-").isdigit():
                return decode(int(name))
            raise

    return from_text


def _tuple(args: tuple[Any, ...]) -> Converter:
    if len(args) == 2 and args[1] is ...:
        return _items(tuple, args[0])
    parts = [converter(each) for each in args]

    def decode(value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(parts):
            raise wrong(f"an array of {len(parts)}", value)
        return tuple(
            _at(part.decode, each, index)
            for index, (part, each) in enumerate(zip(parts, value, strict=True))
        )

    def encode(value: Any) -> Any:
        return [p.encode(v) if p.encode else v for p, v in zip(parts, value, strict=True)]

    return Converter(decode, encode)
