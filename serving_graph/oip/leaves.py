"""One tensor's form of one annotation: a scalar, lists of scalars, or a numpy array.

numpy is not imported here: an annotation that names an array has brought it along.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any, Literal

from ...handlers.codec.faults import Fault
from ...handlers.codec.plain import to_json
from ...handlers.codec.types import converter
from ..fit import plain, type_name
from .datatypes import DATATYPES, OF_ARRAY
from .errors import WrongTensor
from .tensors import Tensor

# What JSON has for each: bool, whole numbers, numbers, text.
_SCALARS: dict[Any, str] = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}
_TEXTS = {("decimal", "Decimal"), ("uuid", "UUID")}
_TEXTS |= {("datetime", each) for each in ("datetime", "date", "time")}
_FAMILIES = {"BOOL": ("bool",), "INT64": ("int",), "FP64": ("float", "int"), "BYTES": ("bytes",)}

_GIVEN: dict[str, tuple[type, ...]] = {
    "BOOL": (bool,),
    "INT64": (int,),
    "FP64": (float, int),
    "BYTES": (str, bytes),
}


class NoTensor(Exception):
    """A type has no tensor form; the message says which part of it."""


class Leaf:
    """A tensor of `depth` levels of lists around a scalar; of none, a shape of [1].

    binary: the scalar is `bytes`, which are handed on as they are
    """

    is_array = False

    def __init__(self, datatype: str, depth: int, binary: bool = False) -> None:
        self.datatype, self.depth, self.binary = datatype, depth, binary
        self.shape = (-1,) * depth or (1,)

    def column(self) -> Leaf:
        """The same with rows around it."""
        return Leaf(self.datatype, self.depth + 1, self.binary)

    def decoder(self, annotation: Any) -> Callable[[Any], Any]:
        """What makes the annotation's value of what `take` gives."""
        return converter(annotation).decode

    def take(self, tensor: Tensor) -> Any:
        """JSON's values of a tensor.  Raises `WrongTensor` when it is another kind."""
        if tensor.kind.family not in _FAMILIES[self.datatype]:
            raise WrongTensor(tensor.name, f"is {tensor.datatype}, the model takes {self.datatype}")
        check_fits(tensor, self.shape)
        text = self.datatype == "BYTES" and not self.binary
        values = tensor.texts() if text else tensor.nested()
        return values if self.depth else values[0]

    def give(self, name: str, value: Any) -> Tensor:
        """The tensor of a value.  Raises `WrongTensor` for a value of another kind or ragged."""
        try:
            found = value if self.binary else _json(value)
            shape, flat = _regular(found, self.depth)
        except (Fault, ValueError, TypeError) as error:
            raise WrongTensor(name, f"is no {self._words}: {error}", output=True) from None
        flat = self._held(name, flat)
        return Tensor(name, self.datatype, shape or (1,), flat=flat, output=True)

    def _held(self, name: str, flat: list[Any]) -> list[Any]:
        """The values as a tensor holds them.  Raises `WrongTensor` for one of another kind."""
        allowed = _GIVEN[self.datatype]
        for each in flat:
            if type(each) not in allowed:
                what = f"is no {self._words}: it holds {each!r:.40}"
                raise WrongTensor(name, what, output=True)
        if self.datatype == "BYTES":
            return [each if isinstance(each, bytes) else each.encode() for each in flat]
        if self.datatype == "FP64":
            return list(map(float, flat))
        low, high = DATATYPES["INT64"].low, DATATYPES["INT64"].high
        if self.datatype == "INT64" and any(not low <= each <= high for each in flat):
            raise WrongTensor(name, "holds an integer that INT64 cannot", output=True)
        return flat

    @property
    def _words(self) -> str:
        return f"{self.datatype} tensor of shape {list(self.shape)}"


class ArrayLeaf(Leaf):
    """A numpy array of a said dtype; `shape` None stands for any number of dimensions."""

    is_array = True

    def __init__(self, datatype: str, shape: tuple[int, ...] | None) -> None:
        super().__init__(datatype, 1)
        self._any = shape is None
        self.shape = (-1,) if shape is None else shape

    def column(self) -> Leaf:
        raise NoTensor("a list of records cannot have arrays as fields; take an array a column")

    def decoder(self, annotation: Any) -> Callable[[Any], Any]:
        return lambda value: value

    def take(self, tensor: Tensor) -> Any:
        if tensor.datatype != self.datatype:
            raise WrongTensor(tensor.name, f"is {tensor.datatype}, the model takes {self.datatype}")
        if not self._any:
            check_fits(tensor, self.shape)
        return tensor.array()

    def give(self, name: str, value: Any) -> Tensor:
        if not hasattr(value, "dtype"):
            raise WrongTensor(name, f"is a {type(value).__name__}, no numpy array", output=True)
        return Tensor.from_array(name, value)


def check_fits(tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Raise `WrongTensor` unless the tensor has that shape; -1 takes any size."""
    pairs = zip(tensor.shape, shape, strict=False)
    if len(tensor.shape) != len(shape) or any(w not in (-1, h) for h, w in pairs):
        raise WrongTensor(
            tensor.name, f"has the shape {list(tensor.shape)}, the model takes {list(shape)}"
        )


def optional(annotation: Any) -> tuple[Any, bool]:
    """(the type without None, whether None was one of its members)."""
    kind = plain(annotation)
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return annotation, False
    others = [each for each in typing.get_args(kind) if each is not type(None)]
    return (others[0], True) if len(others) == 1 else (annotation, False)


def leaf_of(annotation: Any) -> Leaf:
    """The tensor of a type.  Raises `NoTensor` that says which part has none.

    >>> leaf = leaf_of(list[list[bool]])
    >>> leaf.datatype, leaf.shape
    ('BOOL', (-1, -1))
    """
    kind, depth = plain(annotation), 0
    while typing.get_origin(kind) in (list, tuple):
        args = typing.get_args(kind)
        if typing.get_origin(kind) is tuple and not (len(args) == 2 and args[1] is ...):
            raise NoTensor("a tuple of several has no names for its tensors; use a TypedDict")
        kind, depth = plain(args[0]), depth + 1
    if _is_array(kind):
        if depth:
            raise NoTensor("a list of arrays has no tensor form; stack them into one array")
        return _array_leaf(kind)
    return Leaf(_scalar(kind), depth, kind is bytes)


def _scalar(kind: Any) -> str:
    if kind in (Any, object):
        raise NoTensor("it says nothing of what is in it")
    if isinstance(kind, typing.NewType):
        return _scalar(plain(kind.__supertype__))
    if kind is bytes:
        return "BYTES"
    if typing.get_origin(kind) is Literal:
        return _same_kind(typing.get_args(kind), kind)
    if isinstance(kind, type):
        if issubclass(kind, Enum):
            return _same_kind([each.value for each in kind], kind)
        if kind in _SCALARS:
            return _SCALARS[kind]
        place = (kind.__module__, kind.__qualname__)
        if place in _TEXTS:
            return "BYTES"
        if place == ("datetime", "timedelta"):
            return "FP64"
    raise NoTensor(f"{type_name(kind)} has no tensor form")


def _same_kind(values: Any, kind: Any) -> str:
    found = {_SCALARS.get(type(each), "") for each in values}
    if len(found) != 1 or "" in found:
        raise NoTensor(f"the values of {type_name(kind)} are not of one datatype")
    return found.pop()


def _is_array(kind: Any) -> bool:
    origin = typing.get_origin(kind) or kind
    module = (getattr(origin, "__module__", "") or "").partition(".")[0]
    return module == "numpy" and getattr(origin, "__name__", "") == "ndarray"


def _array_leaf(kind: Any) -> ArrayLeaf:
    args = typing.get_args(kind)
    scalars = [each for each in typing.get_args(args[1]) if isinstance(each, type)] if args else []
    if not scalars:
        raise NoTensor("an array whose dtype is not said; write NDArray[numpy.float32]")
    name = scalars[0].__name__.removesuffix("_")
    datatype = OF_ARRAY.get(name, "BYTES" if name in ("str", "bytes") else "")
    if not datatype:
        raise NoTensor(f"the protocol has no datatype for {name}")
    return ArrayLeaf(datatype, _sizes(plain(args[0])))


def _sizes(shape: Any) -> tuple[int, ...] | None:
    args = typing.get_args(shape)
    if not args or Ellipsis in args:
        return None
    literal = [typing.get_args(each) if typing.get_origin(each) is Literal else () for each in args]
    return tuple(each[0] if each else -1 for each in literal)


def _json(value: Any) -> Any:
    """JSON's form of a value, NaN and infinities let through: bytes have them, JSON may ask."""
    if isinstance(value, float):
        return float(value)
    if isinstance(value, list | tuple):
        return [_json(each) for each in value]
    return to_json(value)


def _regular(value: Any, depth: int) -> tuple[tuple[int, ...], list[Any]]:
    """(shape, values in order) of lists nested `depth` deep; raises ValueError when ragged."""
    shape: list[int] = []
    level = [value]
    for _ in range(depth):
        if not all(isinstance(each, list | tuple) for each in level):
            raise ValueError("a part of it is no list")
        sizes = {len(each) for each in level} or {0}
        if len(sizes) > 1:
            raise ValueError(f"it is ragged, with parts of {min(sizes)} and {max(sizes)}")
        shape.append(sizes.pop())
        level = [inner for each in level for inner in each]
    if any(isinstance(each, list | tuple | dict) or each is None for each in level):
        raise ValueError("a value of it is no scalar")
    return tuple(shape), level
