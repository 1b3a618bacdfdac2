"""What an ensemble's rule gives, and whether it can combine what its members give: by their types.

Asked at build; the rules themselves, which see values, are in `combine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import GenericAlias
from typing import Any, Literal, get_args, get_origin

from ..fit import members, plain, union


def why_not(combine: str, of: str, given: Any) -> str:
    """What to do instead, where a member's type is none that the rule can combine; "" where it is.

    >>> why_not("mean", "scores", str)
    "use combine='vote'"
    """
    if of == "labels":
        if any(get_origin(plain(each)) is dict for each in members(given)):
            return "say what they are: of='probabilities'"
        if any(_holds(each, (float, complex)) for each in members(given)):
            return "use combine='mean'"
    elif any(_holds(each, (str, bytes, bool)) for each in members(given)):
        return "use combine='vote'"
    elif of == "probabilities" and any(plain(each) in (int, float) for each in members(given)):
        return "let it give a dict of probabilities by label, or a list of them"
    return ""


def _holds(given: Any, kinds: tuple[type, ...]) -> bool:
    given = plain(given)
    if get_origin(given) is Literal:
        return any(isinstance(each, kinds) for each in get_args(given))
    origin, arguments = get_origin(given) or given, get_args(given)
    if isinstance(origin, type) and issubclass(origin, (list, tuple)) and arguments:
        return any(_holds(each, kinds) for each in arguments if each is not Ellipsis)
    if isinstance(origin, type) and issubclass(origin, dict) and len(arguments) == 2:
        return _holds(arguments[1], kinds)
    is_label = hasattr(origin, "__members__") and bool in kinds
    plain_class = isinstance(origin, type) and not isinstance(given, GenericAlias)
    return is_label or (plain_class and issubclass(origin, kinds))


def rule_type(combine: str, of: str, given: Sequence[Any], labels: Sequence[Any] | None) -> Any:
    """What a rule gives for members of these types."""
    if combine != "vote":
        return union([mean_type(each) for each in given])
    if of == "labels":
        return union([vote_type(each) for each in given])
    if labels is not None and all(plain(each) == list[float] for each in given):
        return union([type(each) for each in labels])
    return union([vote_type(each) if get_origin(plain(each)) is dict else Any for each in given])


def mean_type(given: Any) -> Any:
    """What `mean` gives for members of a type: numbers become floats, lists are kept."""
    given = plain(given)
    if given is int or given is float:
        return float
    origin, arguments = get_origin(given), get_args(given)
    if origin in (list, tuple) and arguments:
        return GenericAlias(list, (mean_type(arguments[0]),))
    if origin is dict and len(arguments) == 2:
        return GenericAlias(dict, (arguments[0], mean_type(arguments[1])))
    return Any


def vote_type(given: Any) -> Any:
    """What a vote gives for members of a type: the label itself; a dict's key."""
    given = plain(given)
    origin, arguments = get_origin(given), get_args(given)
    if origin is dict and arguments:
        return arguments[0]
    return given if isinstance(origin or given, type) and "numpy" not in str(given) else Any
