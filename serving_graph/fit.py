"""Types as the graph needs them: does one fit another, what is it called, how is it written down.

Rules are those of a static checker where a rule is cheap, and lenient where it is not: a form
that is not known here fits everything, so that a correct graph is never refused.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Mapping
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    NotRequired,
    Required,
    TypedDict,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from ..handlers.codec.aliases import unaliased
from ..handlers.errors import GraphError

_NUMBERS: dict[type, tuple[type, ...]] = {float: (int,), complex: (int, float)}
_WRAPPERS = (Annotated, Required, NotRequired)


def fits(given: Any, wanted: Any) -> bool:
    """Whether a value of type `given` can be handed to a parameter of type `wanted`.

    >>> fits(int, float), fits(list[str], list[float]), fits(bool, int | None)
    (True, False, True)
    """
    given, wanted = plain(given), plain(wanted)
    if wanted in (Any, object) or given is Any or given == wanted:
        return True
    if _is_union(given):
        return all(fits(each, wanted) for each in get_args(given))
    if _is_union(wanted):
        return any(fits(given, each) for each in get_args(wanted))
    if get_origin(wanted) is Literal:
        return get_origin(given) is Literal and set(get_args(given)) <= set(get_args(wanted))
    if get_origin(given) is Literal:
        return all(fits(type(each), wanted) for each in get_args(given))
    if isinstance(wanted, NewType):
        return False
    if isinstance(given, NewType):
        return fits(given.__supertype__, wanted)
    if is_typeddict(given) or is_typeddict(wanted):
        return _typed_dict_fits(given, wanted)
    return _class_fits(given, wanted)


def plain(given: Any) -> Any:
    """`given` without Annotated and its like; `None` as its type; a type variable as Any."""
    given = unaliased(given)
    while get_origin(given) in _WRAPPERS:
        given = unaliased(get_args(given)[0])
    if isinstance(given, TypeVar):
        return plain(given.__bound__) if given.__bound__ is not None else Any
    return type(None) if given is None else given


def _is_union(given: Any) -> bool:
    return get_origin(given) in (Union, types.UnionType)


def members(given: Any) -> tuple[Any, ...]:
    """A union's members; of anything else, the type alone.

    >>> members(int | str), members(int)
    ((<class 'int'>, <class 'str'>), (<class 'int'>,))
    """
    given = plain(given)
    return tuple(get_args(given)) if _is_union(given) else (given,)


def union(given: list[Any]) -> Any:
    """The type that is one of `given`; Any when one of them is."""
    if not given or any(plain(each) in (Any, object) for each in given):
        return Any
    return Union[tuple(given)]  # noqa: UP007 - made from a list


def typed_dict(fields: Mapping[str, Any]) -> Any:
    """A TypedDict made at run time, which no static checker can know.

    >>> type_name(typed_dict({"a": int}))
    '{a: int}'
    """
    said = ", ".join(f"{key}: {type_name(each)}" for key, each in fields.items())
    make: Any = TypedDict
    return make(f"{{{said}}}", dict(fields))


def _typed_dict_fits(given: Any, wanted: Any) -> bool:
    if is_typeddict(given) and is_typeddict(wanted):
        from ..handlers.codec.fields import required_keys

        has = get_type_hints(given, include_extras=True)
        needs = get_type_hints(wanted, include_extras=True)
        shared = all(fits(has[name], needs[name]) for name in needs.keys() & has.keys())
        return shared and required_keys(wanted, needs) <= required_keys(given, has)
    typed, other = (given, wanted) if is_typeddict(given) else (wanted, given)
    origin = get_origin(other) or other
    if not isinstance(origin, type):
        return True
    mapping = issubclass(dict, origin) if typed is given else issubclass(origin, Mapping)
    value = (get_args(other) or (Any, Any))[-1]
    if not mapping or not issubclass(origin, Mapping):
        return mapping
    hints = get_type_hints(typed).values()
    return all(fits(each, value) if typed is given else fits(value, each) for each in hints)


def _class_fits(given: Any, wanted: Any) -> bool:
    have, need = get_origin(given) or given, get_origin(wanted) or wanted
    if not isinstance(have, type) or not isinstance(need, type):
        return True
    if getattr(need, "_is_protocol", False) and need.__module__ not in ("collections.abc",):
        return all(hasattr(have, name) for name in _methods(need))
    if not issubclass(have, need):
        return have in _NUMBERS.get(need, ())
    return _arguments_fit(have, get_args(given), need, get_args(wanted))


def _methods(protocol: type) -> set[str]:
    """The methods that a protocol asks for; its plain attributes are not looked at."""
    own = [base for base in protocol.__mro__ if base.__module__ != "typing" and base is not object]
    named = {name for base in own for name, each in vars(base).items() if callable(each)}
    return named - {"__init__", "__new__", "__subclasshook__", "__class_getitem__", "_no_init"}


def _arguments_fit(have: type, given: tuple[Any, ...], need: type, wanted: tuple[Any, ...]) -> bool:
    if not given or not wanted:
        return True
    if have is tuple:
        return _tuple_fits(given, need, wanted)
    if len(given) == len(wanted) and (have is need or need.__module__ == "collections.abc"):
        if issubclass(need, Callable):  # type: ignore[arg-type]
            return True
        return all(fits(mine, theirs) for mine, theirs in zip(given, wanted, strict=True))
    if issubclass(have, Mapping) and len(wanted) == 1:
        return fits(given[0], wanted[0])  # iterating a mapping gives its keys
    return True


def _tuple_fits(given: tuple[Any, ...], need: type, wanted: tuple[Any, ...]) -> bool:
    items = [each for each in given if each is not Ellipsis]
    if need is not tuple:
        return all(fits(each, wanted[0]) for each in items)
    if Ellipsis in wanted:
        return all(fits(each, wanted[0]) for each in items)
    if Ellipsis in given:
        return all(fits(items[0], each) for each in wanted)
    return len(given) == len(wanted) and all(map(fits, given, wanted))


def awaited(given: Any) -> Any:
    """What awaiting a value of this type gives; None when it is not awaitable."""
    origin = get_origin(given)
    if isinstance(origin, type) and issubclass(origin, Awaitable):
        return get_args(given)[-1] if get_args(given) else Any
    return None


def type_name(given: Any) -> str:
    """A type as people write it, without the modules.

    >>> type_name(dict[str, float | None]), type_name(Any)
    ('dict[str, float | None]', 'Any')
    """
    given = unaliased(given)
    if given is Ellipsis:
        return "..."
    if given in (None, type(None)):
        return "None"
    if given is Any:
        return "Any"
    if isinstance(given, list):  # a Callable's parameters
        return f"[{', '.join(map(type_name, given))}]"
    if _is_union(given):
        return " | ".join(map(type_name, get_args(given)))
    origin, arguments = get_origin(given), get_args(given)
    if origin in _WRAPPERS:
        return type_name(arguments[0])
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    name = getattr(origin or given, "__qualname__", None) or str(given)
    name = name.rpartition("<locals>.")[2]
    return f"{name}[{', '.join(map(type_name, arguments))}]" if arguments else name


def type_to_dict(given: Any) -> Any:
    """A type as JSON-ready values: a reference, a generic with its arguments, or a union.

    None stands for "any".  Raises `GraphError` for a form that has no written name.

    >>> type_to_dict(list[int])
    {'type': 'builtins:list', 'arguments': [{'type': 'builtins:int'}]}
    """
    given = plain(given)
    if given is Any:
        return None
    if _is_union(given):
        return {"union": [type_to_dict(each) for each in get_args(given)]}
    if get_origin(given) is Literal:
        return {"literal": list(get_args(given))}
    origin, arguments = get_origin(given) or given, get_args(given)
    if not isinstance(origin, (type, NewType)) or Ellipsis in arguments:
        raise GraphError(
            f"the type {type_name(given)} has no name that a spec can hold",
            advice="use a class, a generic of classes or a union of them",
        )
    reference = {"type": f"{origin.__module__}:{getattr(origin, '__qualname__', origin.__name__)}"}
    if not arguments:
        return reference
    return {**reference, "arguments": [type_to_dict(each) for each in arguments]}


def type_from_dict(given: Any, resolve: Callable[[str], Any]) -> Any:
    """The type that `type_to_dict` wrote; `resolve` finds "module:qualname"."""
    if given is None:
        return Any
    if "union" in given:
        return Union[tuple(type_from_dict(each, resolve) for each in given["union"])]  # noqa: UP007
    if "literal" in given:
        return Literal[tuple(given["literal"])]
    if given["type"] == "builtins:NoneType":
        return type(None)
    found = resolve(given["type"])
    arguments = tuple(type_from_dict(each, resolve) for each in given.get("arguments", ()))
    return found[arguments] if arguments else found
