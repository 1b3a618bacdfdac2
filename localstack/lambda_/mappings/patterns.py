"""EventBridge's pattern language, as filter criteria use it: read once, then matched often.

A pattern is an object whose leaves are lists of rules; fields are "and", a list is "or", `$or`
takes patterns.  An array in an event matches when one of its elements does.  Source: AWS's pages
on EventBridge patterns and on Lambda event filtering.  It knows no source and no record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

# (the value is there, the value) -> whether the rule holds.
Rule = Callable[[bool, Any], bool]
Matcher = Callable[[Any], bool]
_LARGEST = 5_000_000_000


class BadPattern(Exception):
    """A pattern that EventBridge would refuse, and why."""


def compiled(text: str) -> Matcher:
    """The matcher of a pattern in JSON.  Raises BadPattern.

    >>> wanted = compiled('{"kind": ["a", {"prefix": "b"}], "size": [{"numeric": [">", 3]}]}')
    >>> wanted({"kind": "bb", "size": 4}), wanted({"kind": "a", "size": 3})
    (True, False)
    """
    try:
        pattern = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadPattern(f"the pattern is not JSON: {error}") from None
    return compile_object(pattern)


def compile_object(pattern: Any) -> Matcher:
    """The matcher of a pattern that is an object already."""
    if not isinstance(pattern, dict) or not pattern:
        raise BadPattern("a pattern is an object with a field at least")
    parts = [_part(name, each) for name, each in pattern.items()]
    return lambda event: all(part(event) for part in parts)


def _part(name: str, pattern: Any) -> Matcher:
    if name == "$or":
        return _alternatives(pattern)
    if isinstance(pattern, dict):
        inner = compile_object(pattern)
        return lambda event: _inside(inner, event.get(name) if isinstance(event, dict) else None)
    rules = compile_rules(pattern)
    return lambda event: rules(*_leaf(event, name))


def _alternatives(patterns: Any) -> Matcher:
    if not isinstance(patterns, list) or len(patterns) < 2:
        raise BadPattern("$or takes a list of patterns, two at least")
    matchers = [compile_object(each) for each in patterns]
    return lambda event: any(matches(event) for matches in matchers)


def _inside(matches: Matcher, value: Any) -> bool:
    """A nested pattern on what is there; of an array, one element must fit as a whole."""
    if isinstance(value, list):
        return any(_inside(matches, each) for each in value)
    return matches(value if isinstance(value, dict) else {})


def _leaf(event: Any, name: str) -> tuple[bool, Any]:
    """Whether the field is a leaf that is there, and its value."""
    value = event.get(name) if isinstance(event, dict) else None
    there = isinstance(event, dict) and name in event
    return there and not isinstance(value, dict) and value != [], value


def compile_rules(rules: Any) -> Rule:
    """The rules of one leaf, of which one must hold.  Raises BadPattern."""
    if not isinstance(rules, list) or not rules:
        raise BadPattern("a field takes a list of values or rules, one at least")
    compiled_rules = [_rule(each) for each in rules]

    def holds(there: bool, value: Any) -> bool:
        values = _elements(value)
        return any(rule(there, each) for rule in compiled_rules for each in values)

    return holds


def _elements(value: Any) -> list[Any]:
    if not isinstance(value, list):
        return [value]
    return [one for each in value for one in _elements(each)] or [None]


def _rule(rule: Any) -> Rule:
    if isinstance(rule, dict):
        if len(rule) != 1:
            raise BadPattern("a rule is an object with one name")
        ((name, wanted),) = rule.items()
        make = _RULES.get(name)
        if make is None:
            raise BadPattern(f"{name} is no rule")
        return make(wanted)
    if isinstance(rule, list):
        raise BadPattern("a value is a string, a number, true, false or null")
    return lambda there, value: there and _same(rule, value)


def _same(wanted: Any, value: Any) -> bool:
    """Equality as in JSON: 1 is 1.0 and not true."""
    if isinstance(wanted, bool) or isinstance(value, bool):
        return wanted is value
    return bool(wanted == value)


def _exists(wanted: Any) -> Rule:
    if not isinstance(wanted, bool):
        raise BadPattern("exists takes true or false")
    return lambda there, value: there == wanted


def _on_text(fits: Callable[[str], bool]) -> Rule:
    return lambda there, value: there and isinstance(value, str) and fits(value)


def _prefix(wanted: Any) -> Rule:
    text, fold = _text_or_folded("prefix", wanted)
    return _on_text(lambda value: fold(value).startswith(text))


def _suffix(wanted: Any) -> Rule:
    text, fold = _text_or_folded("suffix", wanted)
    return _on_text(lambda value: fold(value).endswith(text))


def _text_or_folded(name: str, wanted: Any) -> tuple[str, Callable[[str], str]]:
    if isinstance(wanted, dict) and list(wanted) == ["equals-ignore-case"]:
        return _text(name, wanted["equals-ignore-case"]).lower(), str.lower
    return _text(name, wanted), str


def _text(name: str, wanted: Any) -> str:
    if not isinstance(wanted, str):
        raise BadPattern(f"{name} takes a string")
    return wanted


def _ignore_case(wanted: Any) -> Rule:
    text = _text("equals-ignore-case", wanted).lower()
    return _on_text(lambda value: value.lower() == text)


def _wildcard(wanted: Any) -> Rule:
    text = _text("wildcard", wanted)
    if "**" in text.replace("\\*", ""):
        raise BadPattern("a wildcard has no two stars in a row")
    words = re.split(r"(\\\\|\\\*|\*)", text)
    special = {"*": ".*", "\\*": re.escape("*"), "\\\\": re.escape("\\")}
    expression = re.compile("".join(special.get(each, re.escape(each)) for each in words), re.S)
    return _on_text(lambda value: expression.fullmatch(value) is not None)


def _address(wanted: Any) -> Rule:
    try:
        network = ip_network(_text("cidr", wanted), strict=False)
    except ValueError as error:
        raise BadPattern(f"cidr: {error}") from None

    def inside(value: str) -> bool:
        try:
            return ip_address(value) in network
        except ValueError:
            return False

    return _on_text(inside)


def _anything_but(wanted: Any) -> Rule:
    if isinstance(wanted, dict):
        ((name, inner),) = wanted.items() if len(wanted) == 1 else ((None, None),)
        if name not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            raise BadPattern("anything-but takes values or one rule on text")
        each = inner if isinstance(inner, list) else [inner]
        refused = [_RULES[name](one) for one in each]
    else:
        values = wanted if isinstance(wanted, list) else [wanted]
        if not values or any(isinstance(one, dict | list) for one in values):
            raise BadPattern("anything-but takes values or one rule on text")
        refused = [_rule(one) for one in values]
    return lambda there, value: there and not any(rule(True, value) for rule in refused)


_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}


def _numeric(words: Any) -> Rule:
    if not isinstance(words, list) or len(words) not in (2, 4):
        raise BadPattern("numeric takes one or two comparisons")
    bounds = list(zip(words[::2], words[1::2], strict=True))
    for sign, bound in bounds:
        if sign not in _COMPARE or not _is_number(bound) or abs(bound) > _LARGEST:
            raise BadPattern("numeric compares with =, <, <=, >, >= and a number")
    return lambda there, value: (
        there and _is_number(value) and all(_COMPARE[sign](value, bound) for sign, bound in bounds)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_RULES: Mapping[str, Callable[[Any], Rule]] = {
    "exists": _exists,
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
    "cidr": _address,
    "anything-but": _anything_but,
    "numeric": _numeric,
}
