"""The field that tells the members of a union apart: one that each has, with a Literal of its own.

A union whose members have one is decoded by it alone: what is wrong with an event is then said of
the one type that it says it is.
"""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any

from .aliases import unaliased


def tag_of(members: Sequence[Any]) -> tuple[str, dict[Any, int]] | None:
    """(the field, each of its values and which member's it is); None where no field does.

    >>> from dataclasses import make_dataclass
    >>> from typing import Literal
    >>> Placed = make_dataclass("Placed", [("kind", Literal["placed", "placed again"])])
    >>> Cancelled = make_dataclass("Cancelled", [("kind", Literal["cancelled"])])
    >>> tag_of([Placed, Cancelled])
    ('kind', {'placed': 0, 'placed again': 0, 'cancelled': 1})
    """
    literals = [_literals(each) for each in members]
    if len(members) < 2 or not all(literals):
        return None
    for field in literals[0]:
        values: dict[Any, int] = {}
        for number, each in enumerate(literals):
            for value in each.get(field, ()):
                values[value] = -1 if value in values else number
        if all(field in each for each in literals) and -1 not in values.values():
            return field, values
    return None


def _literals(kind: Any) -> dict[str, tuple[Any, ...]]:
    """The fields of a class with a Literal of texts or numbers, by their names in JSON."""
    kind = unaliased(kind)
    if hasattr(kind, "__pydantic_validator__") and hasattr(kind, "model_fields"):
        named = {
            str(each.validation_alias or each.alias or name): each.annotation
            for name, each in kind.model_fields.items()
        }
    elif typing.is_typeddict(kind) or hasattr(kind, "__dataclass_fields__"):
        named = typing.get_type_hints(kind)
    else:
        return {}
    return {
        name: typing.get_args(hint)
        for name, hint in named.items()
        if typing.get_origin(hint) is typing.Literal
    }
