"""The service model's constraints, checked in the words that AWS uses for them.

"1 validation error detected: Value '...' at 'functionName' failed to satisfy constraint:
Member must ..." and so on; the texts are those recorded on AWS.  Only the model's rules are
here: what an operation refuses on other grounds is said where that operation is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from .errors import AwsError
from .model import Model, Operation

# AWS prints enum sets in an order of its own; these were recorded, others print as modelled.
_RECORDED_ORDER = {
    "InvokeMode": ("RESPONSE_STREAM", "BUFFERED"),
    "RecursiveLoop": ("Terminate", "Allow"),
    "EventSourcePosition": ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"),
    "SnapStartApplyOn": ("PublishedVersions", "None"),
}
# Checked by the operation itself, after everything else, with its own exception and text.
_CHECKED_LATER = frozenset({"Runtime", "CompatibleArchitectures"})
_MORE_PATTERNS = {
    # Stricter in the service than in the model of today's botocore (recorded).
    "Alias": "(?!^[0-9]+$)([a-zA-Z0-9-_]+)",
    # The model has one more pair of parentheses than what was recorded.
    "LayerVersionArn": (
        r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:"
        r"\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
    ),
}

Problem = tuple[str, str, str]  # value ("" when it is not told), path, constraint


def check(model: Model, operation: Operation, values: Mapping[str, Any]) -> None:
    """Raises ValidationException (400) that names every member breaking a constraint."""
    problems: list[Problem] = []
    for member in operation.input:
        value = values.get(member.name)
        if value is not None:
            problems += _problems(model, member.shape, value, lower(member.name))
        elif member.required:
            problems.append(("null", lower(member.name), "Member must not be null"))
    if problems:
        raise failed(problems)


def failed(problems: Sequence[Problem]) -> AwsError:
    """The exception that tells `problems`.

    >>> failed([("'x'", "name", "Member must be")]).message
    "1 validation error detected: Value 'x' at 'name' failed to satisfy constraint: Member must be"
    """
    count = len(problems)
    told = "; ".join(
        f"{f'Value {value}' if value else 'Value'} at '{path}' failed to satisfy constraint: "
        f"{constraint}"
        for value, path, constraint in problems
    )
    detected = f"{count} validation error{'s' if count > 1 else ''} detected"
    return AwsError("ValidationException", f"{detected}: {told}", 400)


def lower(name: str) -> str:
    """A member's name as messages write it.

    >>> lower("FunctionName"), lower("UUID")
    ('functionName', 'uuid')
    """
    return name.lower() if name.isupper() else name[:1].lower() + name[1:]


def _problems(model: Model, name: str, value: Any, path: str) -> Iterator[Problem]:
    if name in _CHECKED_LATER:
        return
    shape = model.shapes[name]
    if shape.get("sensitive"):
        # What is wrong is told, what was given is not.
        yield from (("", where, rule) for _, where, rule in _problems_of(model, name, value, path))
    else:
        yield from _problems_of(model, name, value, path)


def _problems_of(model: Model, name: str, value: Any, path: str) -> Iterator[Problem]:
    shape = model.shapes[name]
    kind = shape["type"]
    if kind == "structure":
        yield from _structure(model, shape, value, path)
    elif kind == "list":
        yield from _list(model, name, value, path)
    elif kind == "map":
        yield from _map(model, name, value, path)
    else:
        for rule in _rules(model, name):
            if not rule[0](value):
                yield (f"'{_text(value)}'", path, rule[1])


def _structure(model: Model, shape: Any, value: Any, path: str) -> Iterator[Problem]:
    for member, each in shape.get("members", {}).items():
        inner = value.get(member)
        if inner is not None:
            yield from _problems(model, each["shape"], inner, f"{path}.{lower(member)}")
        elif member in shape.get("required", ()):
            yield ("null", f"{path}.{lower(member)}", "Member must not be null")


def _list(model: Model, name: str, value: Any, path: str) -> Iterator[Problem]:
    shape = model.shapes[name]
    for fits, constraint in _bounds(shape, "length"):
        if not fits(len(value)):
            yield (f"'{_text(value)}'", path, constraint)
    member = shape["member"]["shape"]
    if model.shapes[member]["type"] in ("structure", "list", "map"):
        for number, each in enumerate(value, start=1):
            inside = f"{path}.{number}.member"
            if each is None:
                yield ("null", inside, "Member must not be null")
            else:
                yield from _problems(model, member, each, inside)
    elif not _all_fit(model, member, value):
        told = _together(model, member)
        yield (f"'{_text(value)}'", path, f"Member must satisfy constraint: {told}")


def _map(model: Model, name: str, value: Any, path: str) -> Iterator[Problem]:
    shape = model.shapes[name]
    key, inner = shape["key"]["shape"], shape["value"]["shape"]
    if not _all_fit(model, key, list(value)):
        told = _together(model, key)
        yield (f"'{_text(value)}'", path, f"Map keys must satisfy constraint: {told}")
    if not _all_fit(model, inner, list(value.values())):
        told = _together(model, inner)
        yield (f"'{_text(value)}'", path, f"Map value must satisfy constraint: {told}")


def _all_fit(model: Model, name: str, values: Sequence[Any]) -> bool:
    if None in values:
        return False
    if name in _CHECKED_LATER or model.shapes[name]["type"] in ("structure", "list", "map"):
        return True
    return all(fits(value) for value in values for fits, _ in _rules(model, name))


def _together(model: Model, name: str) -> str:
    told = [constraint for _, constraint in _rules(model, name)]
    return f"[{', '.join([*told, 'Member must not be null'])}]"


Rule = tuple[Callable[[Any], bool], str]


@cache
def _rules(model: Model, name: str) -> tuple[Rule, ...]:
    """What a scalar shape demands, in the order in which AWS tells it."""
    shape = model.shapes[name]
    rules: list[Rule] = []
    if "enum" in shape:
        allowed = _RECORDED_ORDER.get(name, tuple(shape["enum"]))
        rules.append(
            (
                frozenset(allowed).__contains__,
                f"Member must satisfy enum value set: [{', '.join(allowed)}]",
            )
        )
    if shape["type"] == "string":
        rules += [(_measured(fits), told) for fits, told in _bounds(shape, "length")]
        if pattern := _MORE_PATTERNS.get(name, shape.get("pattern")):
            fits_pattern = _compiled(pattern).fullmatch
            told = f"Member must satisfy regular expression pattern: {pattern}"
            rules.append((lambda value: fits_pattern(value) is not None, told))
    elif shape["type"] in ("integer", "long", "double", "float"):
        rules += _bounds(shape, "value")
    return tuple(rules)


def _measured(fits: Callable[[int], bool]) -> Callable[[Any], bool]:
    return lambda value: fits(len(value))


def _bounds(shape: Mapping[str, Any], of: str) -> list[tuple[Callable[[Any], bool], str]]:
    """The rules of a shape's smallest and largest; of: "length" or "value", as they are told."""
    rules: list[tuple[Callable[[Any], bool], str]] = []
    if (top := shape.get("max")) is not None:
        rules.append((lambda n: n <= top, f"Member must have {of} less than or equal to {top}"))
    if (least := shape.get("min")) is not None:
        told = f"Member must have {of} greater than or equal to {least}"
        rules.append((lambda n: n >= least, told))
    return rules


def _text(value: Any) -> str:
    """A value as Java prints it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={_text(each)}' for key, each in value.items())}}}"
    return str(value)


def _compiled(pattern: str) -> re.Pattern[str]:
    r"""A model's pattern, in which digits and spaces are ASCII's, as in Java; Python has no Unicode
    categories, so with them letters become word characters, and separators white space.

    >>> [bool(_compiled(p).fullmatch(t)) for p, t in ((r"\d", "٣"), (r"[\p{L}]", "é"))]
    [False, True]
    """
    categories = ((r"\p{L}", r"\w"), (r"\p{N}", r"\d"), (r"\p{Z}", r"\s"))
    if r"\p{" not in pattern:
        return re.compile(pattern, re.ASCII)
    for category, ours in categories:
        pattern = pattern.replace(category, ours)
    return re.compile(pattern)
