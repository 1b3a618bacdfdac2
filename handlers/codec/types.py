"""Annotations become converters: a decoder from JSON values and an encoder back to them.

Containers are built from their parts; pydantic, numpy and data frames are recognised by what they
have, so that nothing is imported that the user's own code has not imported already.
"""

from __future__ import annotations

import types
import typing
from enum import Enum
from typing import Any

from .aliases import unaliased
from .scalars import Decode, Encode, scalar


class Converter:
    """How one type leaves JSON and goes back.  encode is None where the value is JSON already."""

    __slots__ = ("decode", "encode")

    def __init__(self, decode: Decode, encode: Encode | None) -> None:
        self.decode, self.encode = decode, encode


class Unknown(Exception):
    """No rule says how `annotation` leaves JSON; `path` is where it stands ("Order.lines")."""

    def __init__(self, annotation: Any, path: str = "") -> None:
        self.annotation, self.path = annotation, path
        super().__init__(annotation)


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
    if rule := scalar(annotation):
        return Converter(*rule)
    from .foreign import foreign_converter  # from here on each kind is loaded when it is met

    if found := foreign_converter(annotation):
        return Converter(*found)
    origin = typing.get_origin(annotation)
    if origin is not None:
        return _generic(annotation, origin, typing.get_args(annotation))
    return _plain(annotation)


def _plain(annotation: Any) -> Converter:
    if isinstance(annotation, typing.NewType):
        return converter(annotation.__supertype__)
    if (special := getattr(annotation, "converter_of", None)) is not None:
        made: Converter = special(())
        return made
    if isinstance(annotation, type):
        if typing.is_typeddict(annotation):
            from .fields import typed_dict

            return typed_dict(annotation)
        if hasattr(annotation, "__dataclass_fields__") and not issubclass(annotation, Enum):
            from .fields import dataclass

            return dataclass(annotation)
        if found := _built(annotation):
            return found
    raise Unknown(annotation)


def _built(annotation: type) -> Converter | None:
    from . import containers

    if issubclass(annotation, Enum):
        return containers.enum(annotation)
    if annotation in _BARE:
        return containers.generic(annotation, _BARE[annotation])
    return containers.dict_of_a_class(annotation) if issubclass(annotation, dict) else None


_BARE: dict[Any, tuple[Any, ...]] = {
    list: (Any,),
    dict: (Any, Any),
    set: (Any,),
    frozenset: (Any,),
    tuple: (Any, ...),
}


def _generic(annotation: Any, origin: Any, args: tuple[Any, ...]) -> Converter:
    if origin is typing.Annotated:
        from .foreign import adapted, constrains

        return Converter(*adapted(annotation)) if constrains(args[1:]) else converter(args[0])
    if origin in (typing.Required, typing.NotRequired):
        return converter(args[0])
    if (special := getattr(origin, "converter_of", None)) is not None:
        made: Converter = special(args)
        return made
    from . import containers

    if origin is typing.Literal:
        return containers.literal(args)
    if origin is typing.Union or origin is types.UnionType:
        return containers.union(args)
    if found := containers.generic(origin, args):
        return found
    raise Unknown(annotation)


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
