"""Fields by name: is there one, of which type, and how it is read from a dict or an object.

What chooses or keys by a field (`router`, `choice`, `join`, `reduce`) is checked here when it is
made, where the value's type declares its fields, and reads here when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

from ...handlers.errors import InvalidInput
from ..fit import members, plain, type_name, union
from ..refer import Place, wrong

_ABSENT = object()


def check_field(what: str, by: str, given: Any, at: Place) -> None:
    """Raise when values of the type `given` declare their fields and lack the one that `by` says.

    what: the step and its verb, "router 'size' chooses by"
    """
    first = by.partition(".")[0]
    for each in map(plain, members(given)):
        known = _fields(each)
        if known is not None and first not in known:
            raise wrong(
                f"{what} {first!r}, which {type_name(each)} does not have",
                _advice(first, _declared(each)),
                at=at,
            )


def field_type(given: Any, by: str) -> Any:
    """The type of the field that `by` says, over its dots; Any where that is not declared.

    >>> field_type(dict[str, int], "size")
    <class 'int'>
    """
    for word in by.split("."):
        given = union([_one_type(each, word) for each in map(plain, members(given))])
    return given


def _one_type(given: Any, word: str) -> Any:
    origin, arguments = get_origin(given), get_args(given)
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
        return arguments[1]
    if not isinstance(given, type) or origin is not None:
        return Any
    return get_type_hints(given).get(word, Any) if _fields(given) is not None else Any


def reader(by: str) -> Callable[[Any], Any]:
    """The function that reads the field, over its dots; raises `InvalidInput` where it is missing.

    >>> reader("leg.origin")({"leg": {"origin": "JFK"}})
    'JFK'
    """
    words = by.split(".")

    def read(value: Any) -> Any:
        for word in words:
            if isinstance(value, Mapping):
                found = value.get(word, _ABSENT)
            else:
                found = getattr(value, word, _ABSENT)
            if found is _ABSENT:
                raise InvalidInput([{"path": words, "message": "missing", "type": "missing"}])
            value = found
        return value

    return read


def _advice(word: str, fields: list[str]) -> str:
    from difflib import get_close_matches  # only a declaration that fails waits for it

    close = get_close_matches(word, fields, 1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"{meant}its fields are {', '.join(fields) or 'none'}"


def _declared(given: Any) -> list[str]:
    """The fields that a type's author wrote, without what its base classes bring."""
    fields = getattr(given, "model_fields", None) or get_type_hints(given)
    properties = [name for name, each in vars(given).items() if isinstance(each, property)]
    return sorted({name for name in (*fields, *properties) if not name.startswith("_")})


def _fields(given: Any) -> set[str] | None:
    """A type's fields where it declares them; None where any may be there."""
    if not isinstance(given, type) or get_origin(given) is not None:
        return None
    declares = is_typeddict(given) or hasattr(given, "__dataclass_fields__")
    if declares or hasattr(given, "model_fields"):
        return set(get_type_hints(given)) | ({*dir(given)} if not is_typeddict(given) else set())
    return None
