"""Filter criteria of an event source mapping: EventBridge patterns over a record.

A body that holds JSON is matched as JSON.  Source: AWS's page on Lambda event filtering.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def matches(patterns: Sequence[str], record: dict[str, Any]) -> bool:
    """Whether any pattern (JSON text) fits; no pattern at all lets everything through.

    >>> matches(['{"body": {"kind": ["a"]}}'], {"body": '{"kind": "b"}'})
    False
    """
    if not patterns:
        return True
    try:
        view = {**record, "body": json.loads(record["body"])}
    except (ValueError, KeyError):
        view = record
    return any(_fits(json.loads(pattern), view) for pattern in patterns)


def _fits(pattern: Any, value: Any) -> bool:
    if isinstance(pattern, dict):
        if "$or" in pattern:
            rest = {name: each for name, each in pattern.items() if name != "$or"}
            return any(_fits(each, value) for each in pattern["$or"]) and _fits(rest, value)
        return isinstance(value, dict) and all(
            _field(each, name in value, value.get(name)) for name, each in pattern.items()
        )
    return False


def _field(pattern: Any, present: bool, value: Any) -> bool:
    if isinstance(pattern, dict):
        return _fits(pattern, value)
    values = value if isinstance(value, list) else [value]
    return any(_rule(each, present, one) for each in pattern for one in values or [None])


def _rule(rule: Any, present: bool, value: Any) -> bool:
    if not isinstance(rule, dict):
        return present and rule == value
    ((name, wanted),) = rule.items()
    if name == "exists":
        return bool(present == wanted)
    if not present:
        return False
    if name == "prefix":
        return isinstance(value, str) and value.startswith(wanted)
    if name == "suffix":
        return isinstance(value, str) and value.endswith(wanted)
    if name == "anything-but":
        return value not in (wanted if isinstance(wanted, list) else [wanted])
    if name == "equals-ignore-case":
        return isinstance(value, str) and value.lower() == str(wanted).lower()
    if name == "numeric":
        return isinstance(value, int | float) and _numeric(wanted, value)
    return False


def _numeric(words: list[Any], value: float) -> bool:
    compare = {
        "=": lambda bound: value == bound,
        "<": lambda bound: value < bound,
        "<=": lambda bound: value <= bound,
        ">": lambda bound: value > bound,
        ">=": lambda bound: value >= bound,
    }
    return all(compare[words[at]](words[at + 1]) for at in range(0, len(words), 2))
