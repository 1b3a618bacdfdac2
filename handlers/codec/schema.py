"""Annotations as JSON Schema (2020-12): what the codec takes and gives, for documents of routes.

The same forms as `types` knows, in the same order.  Nothing that ships imports this before a
document is asked for.
"""

from __future__ import annotations

import types
import typing
from enum import Enum
from typing import Any

from ..event import Event, Result
from .aliases import unaliased
from .fields import required_keys
from .foreign import FRAMES, constrains

_SCALARS: dict[Any, dict[str, Any]] = {
    type(None): {"type": "null"},
    None: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bytes: {"type": "string", "contentEncoding": "base64"},
}
_NAMED: dict[tuple[str, str], dict[str, Any]] = {
    ("decimal", "Decimal"): {"type": "string", "format": "decimal"},
    ("uuid", "UUID"): {"type": "string", "format": "uuid"},
    ("datetime", "datetime"): {"type": "string", "format": "date-time"},
    ("datetime", "date"): {"type": "string", "format": "date"},
    ("datetime", "time"): {"type": "string", "format": "time"},
    ("datetime", "timedelta"): {"type": "number", "description": "seconds"},
}
_STREAMS = ("Iterator", "Generator", "AsyncIterator", "AsyncGenerator")
_LISTS = ("list", "set", "frozenset", "Sequence", "Iterable", "Collection", *_STREAMS)
_MAPPINGS = ("dict", "Mapping", "MutableMapping")


class Schemas:
    """Schemas of annotations; classes with fields become `definitions`, referred to by name.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Leg:
    ...     miles: float
    ...     note: str = ""
    >>> schemas = Schemas()
    >>> schemas.of(list[Leg])
    {'type': 'array', 'items': {'$ref': '#/components/schemas/Leg'}}
    >>> schemas.definitions["Leg"]["required"]
    ['miles']
    """

    def __init__(self, place: str = "#/components/schemas/") -> None:
        self.place = place
        self.definitions: dict[str, Any] = {}
        self._names: dict[Any, str] = {}

    def of(self, annotation: Any) -> dict[str, Any]:
        """The schema of an annotation; `{}`, which anything fits, of what is not known."""
        annotation = unaliased(annotation)
        if annotation in (Any, object, Event, Result):
            return {}
        try:
            if annotation in _SCALARS:
                return dict(_SCALARS[annotation])
        except TypeError:  # an unhashable annotation is no scalar
            return {}
        origin, args = typing.get_origin(annotation), typing.get_args(annotation)
        if hasattr(annotation, "__pydantic_validator__"):
            return self._model(annotation)
        if origin is typing.Annotated and constrains(args[1:]):
            return self._hoisted(annotation)
        return self._array(annotation) or (
            self._plain(annotation) if origin is None else self._generic(origin, args)
        )

    def _generic(self, origin: Any, args: tuple[Any, ...]) -> dict[str, Any]:
        name = getattr(origin, "__name__", "")
        if origin in (typing.Annotated, typing.Required, typing.NotRequired):
            return self.of(args[0])
        if origin is typing.Literal:
            return {"enum": list(args)}
        if origin in (typing.Union, types.UnionType):
            return {"anyOf": [self.of(each) for each in args]}
        if origin is tuple and args[-1:] != (...,):
            parts = [self.of(each) for each in args]
            return {"type": "array", "prefixItems": parts, "minItems": len(args), "items": False}
        if name in _LISTS or origin is tuple:
            unique = {"uniqueItems": True} if name in ("set", "frozenset") else {}
            return {"type": "array", "items": self.of(args[0])} | unique
        if name in _MAPPINGS:
            return {"type": "object", "additionalProperties": self.of(args[1])}
        return {}

    def _plain(self, annotation: Any) -> dict[str, Any]:
        if isinstance(annotation, typing.NewType):
            return self.of(annotation.__supertype__)
        if not isinstance(annotation, type):
            return {}
        known = _NAMED.get((annotation.__module__, annotation.__qualname__))
        if known is not None:
            return dict(known)
        if issubclass(annotation, Enum):
            return {"enum": [each.value for each in annotation], "title": annotation.__name__}
        if annotation in (list, tuple, set, frozenset):
            return {"type": "array"}
        if typing.is_typeddict(annotation) or hasattr(annotation, "__dataclass_fields__"):
            return self._fields(annotation)
        return {"type": "object"} if annotation is dict else {}

    def _array(self, annotation: Any) -> dict[str, Any]:
        """Numpy arrays and data frames: `{}` of anything else."""
        origin = typing.get_origin(annotation) or annotation
        module = (getattr(origin, "__module__", "") or "").partition(".")[0]
        name = getattr(origin, "__name__", "")
        if module == "numpy" and name == "ndarray":
            return {"type": "array", "description": "numbers, nested as the array is"}
        if module in FRAMES and name == "DataFrame":
            return {"type": "array", "items": {"type": "object"}, "description": "rows"}
        return {}

    def _fields(self, annotation: Any) -> dict[str, Any]:
        name = self._name(annotation)
        if name not in self.definitions:
            self.definitions[name] = {}  # it may have itself among its fields
            hints = typing.get_type_hints(annotation, include_extras=True)
            self.definitions[name] = {
                "title": annotation.__name__,
                "type": "object",
                "properties": {key: self.of(hint) for key, hint in hints.items()},
                "required": _required(annotation, hints),
            }
        return {"$ref": self.place + name}

    def _model(self, annotation: Any) -> dict[str, Any]:
        name = self._name(annotation)
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self._hoisted(annotation)
        return {"$ref": self.place + name}

    def _hoisted(self, annotation: Any) -> dict[str, Any]:
        """Pydantic's own schema, the models in it among ours."""
        from pydantic import TypeAdapter

        place = self.place + "{model}"
        made: dict[str, Any] = TypeAdapter(annotation).json_schema(ref_template=place)
        for key, value in made.pop("$defs", {}).items():
            self.definitions.setdefault(key, value)
        return made

    def _name(self, annotation: Any) -> str:
        """A class's name; with its module where another class has it already."""
        if annotation not in self._names:
            name = annotation.__name__
            if name in self._names.values():
                name = f"{annotation.__module__}.{annotation.__qualname__}"
            self._names[annotation] = "".join(
                letter if letter.isalnum() or letter in "._-" else "_" for letter in name
            )
        return self._names[annotation]


def _required(annotation: Any, hints: dict[str, Any]) -> list[str]:
    if typing.is_typeddict(annotation):
        required = required_keys(annotation, hints)
        return [name for name in hints if name in required]
    from dataclasses import MISSING

    fields = annotation.__dataclass_fields__
    return [
        name
        for name, each in fields.items()
        if each.init and each.default is MISSING and each.default_factory is MISSING
    ]
