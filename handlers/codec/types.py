"""Annotations become converters: a decoder from JSON values and an encoder back to them.

Containers are built from their parts; pydantic, numpy and data frames are recognised by what they
have, so that nothing is imported that the user's own code has not imported already.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from .aliases import unaliased
from .faults import Fault, wrong
from .foreign import adapted, constrains, foreign_converter
from .plain import to_json
from .scalars import Decode, Encode, scalar


class Converter(NamedTuple):
    """How one type leaves JSON and goes back.  encode is None where the value is JSON already."""

    decode: Decode
    encode: Encode | None


class Unknown(Exception):
    """No rule says how `annotation` leaves JSON; `path` is where it stands ("Order.lines")."""

    def __init__(self, annotation: Any, path: str = "") -> None:
        self.annotation, self.path = annotation, path
        super().__init__(annotation)


# Classes whose fields are being read, and what stands for them in their own fields.
_open: dict[Any, list[Converter]] = {}


def _same(value: Any) -> Any:
    return value


ANYTHING = Converter(_same, None)


def converter(annotation: Any) -> Converter:
    """The converter of an annotation; raises `Unknown` where there is none.

    >>> converter(list[int]).decode([1, 2.0])
    [1, 2]
    """
    annotation = unaliased(annotation)
    if annotation is Any or annotation is object:
        return ANYTHING
    if found := scalar(annotation) or foreign_converter(annotation):
        return Converter(*found)
    origin = typing.get_origin(annotation)
    if origin is not None:
        return _generic(annotation, origin, typing.get_args(annotation))
    return _plain(annotation)


def _plain(annotation: Any) -> Converter:
    if isinstance(annotation, typing.NewType):
        return converter(annotation.__supertype__)
    if isinstance(annotation, type):
        if issubclass(annotation, Enum):
            return _enum(annotation)
        if typing.is_typeddict(annotation):
            return _of_fields(annotation, _typed_dict)
        if hasattr(annotation, "__dataclass_fields__"):
            return _of_fields(annotation, _dataclass)
        if annotation in _BARE:
            return _generic(annotation, annotation, _BARE[annotation])
        if issubclass(annotation, dict):
            return _dict_of_a_class(annotation)
    raise Unknown(annotation)


def _dict_of_a_class(annotation: type[dict[Any, Any]]) -> Converter:
    """A dict's subclass is an object on the way out, and made of one on the way in."""
    decode = _generic(dict, dict, _BARE[dict]).decode

    def made(value: Any) -> Any:
        found = annotation()
        found.update(decode(value))
        return found

    return Converter(made, to_json)


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


_BARE: dict[Any, tuple[Any, ...]] = {
    list: (Any,),
    dict: (Any, Any),
    set: (Any,),
    frozenset: (Any,),
    tuple: (Any, ...),
}


def _generic(annotation: Any, origin: Any, args: tuple[Any, ...]) -> Converter:
    if origin is typing.Annotated and constrains(args[1:]):
        return Converter(*adapted(annotation))
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return converter(args[0])
    if origin is typing.Literal:
        return _literal(args)
    if origin is typing.Union or origin is types.UnionType:
        return _union(args)
    name = getattr(origin, "__name__", "")
    if origin in (list, set, frozenset) or name in ("Sequence", "Iterable", "Collection"):
        return _items(origin if isinstance(origin, type) and origin in _BARE else list, args[0])
    if origin is dict or name in ("Mapping", "MutableMapping"):
        return _mapping(*args)
    if origin is tuple:
        return _tuple(args)
    raise Unknown(annotation)


def _enum(annotation: type[Enum]) -> Converter:
    allowed = ", ".join(repr(each.value) for each in annotation)

    def decode(value: Any) -> Any:
        try:
            return annotation(value)
        except ValueError:
            raise wrong(f"one of {allowed}", value, "enum") from None

    return Converter(decode, lambda member: member.value if isinstance(member, Enum) else member)


def _literal(allowed: tuple[Any, ...]) -> Converter:
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


def _union(args: tuple[Any, ...]) -> Converter:
    members = [converter(each) for each in args]
    names = " or ".join(type_name(each) for each in args)
    optional = [m for m, a in zip(members, args, strict=True) if a is not type(None)]

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


def _items(make: Any, item: Any) -> Converter:
    inner_decode, inner_encode = converter(item)

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
    key_decode, key_encode = converter(str if key is Any else key)
    inner_decode, inner_encode = converter(item)
    as_it_is = key in (str, Any) and inner_decode is _same  # JSON's names are strings already

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


def type_name(annotation: Any) -> str:
    """An annotation as people write it.

    >>> type_name(int), type_name(list[int])
    ('int', 'list[int]')
    """
    if annotation is type(None):
        return "None"
    return (
        annotation.__name__
        if isinstance(annotation, type) and not typing.get_args(annotation)
        else str(annotation).replace("typing.", "")
    )
