"""A graph's input or output type as named tensors, both ways, decided once when it is served.

A record (TypedDict, dataclass, pydantic model) is a tensor a field, a list of records a column a
field, `dict[str, T]` a tensor a key; anything else is one tensor.  A type without a tensor form is
refused in a sentence.  Values are made by the codec of functions, so both doors agree on them.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ...handlers.codec.faults import Fault
from ...handlers.codec.fields import required_keys
from ...handlers.codec.types import Unknown, converter
from ...handlers.errors import WrongUse
from ..fit import plain, type_name
from .errors import WrongTensor
from .leaves import NoTensor, leaf_of, optional
from .tensors import Tensor


class Meta(NamedTuple):
    """A tensor as metadata say it; -1 in the shape is any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


class Form:
    """One tensor: of a scalar, of lists of them, or of an array."""

    def __init__(self, annotation: Any, name: str) -> None:
        self.name, self.leaf = name, leaf_of(annotation)
        self._decode = self.leaf.decoder(annotation)

    @property
    def metas(self) -> tuple[Meta, ...]:
        return (Meta(self.name, self.leaf.datatype, self.leaf.shape),)

    def read(self, tensors: Mapping[str, Tensor]) -> Any:
        """The value of the tensors.  Raises `WrongTensor` that names one."""
        (tensor,) = _exactly(tensors, (self.name,), ())
        return _decoded(self._decode, self.leaf.take(tensor), self.name)

    def write(self, value: Any) -> list[Tensor]:
        """The tensors of a value.  Raises `WrongTensor` that names one."""
        return [self.leaf.give(self.name, value)]


class RecordForm:
    """A tensor a field; what is optional may be left out."""

    def __init__(self, fields: Mapping[str, Field], make: Callable[..., Any]) -> None:
        self.leaves = {name: leaf_of(each.annotation) for name, each in fields.items()}
        self.metas = tuple(Meta(name, e.datatype, e.shape) for name, e in self.leaves.items())
        self._required = [name for name, each in fields.items() if each.required]
        self._fields = fields
        self._make = make

    def read(self, tensors: Mapping[str, Tensor]) -> Any:
        _exactly(tensors, self._required, self.leaves)
        return self._make({name: self.leaves[name].take(each) for name, each in tensors.items()})

    def write(self, value: Any) -> list[Tensor]:
        found = []
        for name, leaf in self.leaves.items():
            part = _part(value, self._fields[name].attribute)
            if part is not None:
                found.append(leaf.give(name, part))
        return found


class RowsForm:
    """A list of records: a column a field, all of one length."""

    def __init__(self, fields: Mapping[str, Field], decode: Callable[[Any], Any]) -> None:
        self.leaves = {name: leaf_of(e.annotation).column() for name, e in fields.items()}
        self.metas = tuple(Meta(name, e.datatype, e.shape) for name, e in self.leaves.items())
        self._required = [name for name, each in fields.items() if each.required]
        self._fields, self._decode = fields, decode

    def read(self, tensors: Mapping[str, Tensor]) -> Any:
        _exactly(tensors, self._required, self.leaves)
        columns = {name: self.leaves[name].take(each) for name, each in tensors.items()}
        sizes = {name: len(column) for name, column in columns.items()}
        first = next(iter(sizes.items()), ("", 0))
        for name, size in sizes.items():
            if size != first[1]:
                raise WrongTensor(name, f"has {size} rows, {first[0]!r} has {first[1]}")
        names = tuple(columns)
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return _decoded(self._decode, rows, "")

    def write(self, value: Any) -> list[Tensor]:
        rows = list(value)
        found = []
        for name, leaf in self.leaves.items():
            column = [_part(row, self._fields[name].attribute) for row in rows]
            if any(each is not None for each in column) or not rows:
                found.append(leaf.give(name, column))
        return found


class OpenForm:
    """`dict[str, T]`: a tensor a key, whatever the keys; metadata cannot name them."""

    metas: tuple[Meta, ...] = ()

    def __init__(self, annotation: Any) -> None:
        self._leaf = leaf_of(typing.get_args(annotation)[1])
        self._decode = self._leaf.decoder(typing.get_args(annotation)[1])

    def read(self, tensors: Mapping[str, Tensor]) -> Any:
        return {
            name: _decoded(self._decode, self._leaf.take(each), name)
            for name, each in tensors.items()
        }

    def write(self, value: Any) -> list[Tensor]:
        return [self._leaf.give(name, each) for name, each in value.items()]


AnyForm = Form | RecordForm | RowsForm | OpenForm


class Field(NamedTuple):
    """A field of a record: its type without None, and how a value of the record has it."""

    annotation: Any
    required: bool
    attribute: str


def form_of(annotation: Any, what: str, name: str) -> AnyForm:
    """The tensors of a type.  Raises `WrongUse`, with `what` it is the type of.

    >>> form_of(list[float], "the input of graph 'delay'", "input").metas
    (Meta(name='input', datatype='FP64', shape=(-1,)),)
    """
    try:
        return _form(annotation, name)
    except NoTensor as error:
        raise WrongUse(
            f"{what} is {type_name(annotation)}: {error}",
            advice="annotate it with numbers, bool, str, bytes, lists of these, a numpy array of "
            "a said dtype, or a TypedDict, dataclass or pydantic model of them",
        ) from None
    except Unknown as error:
        raise WrongUse(f"{what}: the codec does not know {error.annotation!r}") from None


def _form(annotation: Any, name: str) -> AnyForm:
    kind = plain(annotation)
    if (fields := _fields(kind)) is not None:
        return RecordForm(fields, _maker(kind, fields))
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is list and (fields := _fields(plain(args[0]))) is not None:
        return RowsForm(fields, converter(kind).decode)
    if origin in (dict, Mapping) and len(args) == 2 and plain(args[0]) is str:
        return OpenForm(kind)
    return Form(annotation, name)


def _fields(kind: Any) -> dict[str, Field] | None:
    """The fields of a record by the names of their tensors; None for what is no record."""
    if not isinstance(kind, type):
        return None
    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        required = required_keys(kind, hints)
        return {
            name: Field(optional(hint)[0], name in required, name) for name, hint in hints.items()
        }
    if hasattr(kind, "__pydantic_validator__") and hasattr(kind, "model_fields"):
        return _of_model(kind)
    if hasattr(kind, "__dataclass_fields__"):
        return _of_dataclass(kind)
    return None


def _of_model(kind: Any) -> dict[str, Field]:
    found = {}
    for name, each in kind.model_fields.items():
        inner, _ = optional(each.annotation)
        found[each.alias or name] = Field(inner, each.is_required(), name)
    return found


def _of_dataclass(kind: Any) -> dict[str, Field]:
    from dataclasses import MISSING  # loaded already, by who declared it

    hints = typing.get_type_hints(kind, include_extras=True)
    found = {}
    for name, each in kind.__dataclass_fields__.items():
        needed = each.default is MISSING and each.default_factory is MISSING
        found[name] = Field(optional(hints[name])[0], needed, name)
    return found


def _maker(kind: Any, fields: Mapping[str, Field]) -> Callable[[dict[str, Any]], Any]:
    """What makes the record of its fields' values, arrays among them as they are."""
    arrays = [name for name, each in fields.items() if leaf_of(each.annotation).is_array]
    if arrays and not hasattr(kind, "__pydantic_validator__"):
        parts = {name: leaf_of(e.annotation).decoder(e.annotation) for name, e in fields.items()}

        def make(values: dict[str, Any]) -> Any:
            return kind(**{n: _decoded(parts[n], each, n) for n, each in values.items()})

        return make
    decode = converter(kind).decode
    return lambda values: _decoded(decode, values, "")


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name)


def _decoded(decode: Callable[[Any], Any], value: Any, name: str) -> Any:
    """What the codec makes of a value; a misfit is the tensor's that its path begins with."""
    try:
        return decode(value)
    except Fault as fault:
        first = fault.details()[0]
        path = [name, *first["path"]] if name else first["path"]
        named = next((each for each in path if isinstance(each, str)), name or "input")
        rest = ".".join(str(each) for each in path if each != named)
        raise WrongTensor(named, f"{f'at {rest}: ' if rest else ''}{first['message']}") from None


def _exactly(
    tensors: Mapping[str, Tensor], required: Iterable[str], known: Iterable[str]
) -> list[Tensor]:
    """The required tensors.  Raises `WrongTensor` for one that is missing or not known."""
    required = list(required)
    allowed = dict.fromkeys([*required, *known])
    for name in tensors:
        if name not in allowed:
            raise WrongTensor(name, f"is not of this model; it takes {', '.join(allowed)}")
    for name in required:
        if name not in tensors:
            raise WrongTensor(name, "is missing")
    return [tensors[name] for name in required]
