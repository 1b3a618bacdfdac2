"""Filter criteria of a mapping: which records a function sees at all.

A record's content (a queue's `body`, Kinesis' `data`) is matched as JSON by a pattern that has an
object there, and as plain text by one that has rules; content of the other form never matches.
Source: AWS's pages on event filtering.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .patterns import BadPattern, Matcher, compile_object, compile_rules, compiled

Wanted = Callable[[Mapping[str, Any]], bool]


def patterns_of(mapped: Mapping[str, Any]) -> list[str]:
    """The patterns of a mapping's FilterCriteria."""
    criteria = mapped.get("FilterCriteria") or {}
    return [each["Pattern"] for each in criteria.get("Filters", []) if "Pattern" in each]


def wanted(patterns: Sequence[str], content: str = "") -> Wanted:
    """Whether any pattern (JSON text) fits; no pattern at all lets everything through.

    content: the member that holds what the sender wrote, "" when a record has none
    Raises BadPattern.

    >>> fits = wanted(['{"body": {"kind": ["a"]}}'], "body")
    >>> fits({"body": '{"kind": "a"}'}), fits({"body": '{"kind": "b"}'}), fits({"body": "a"})
    (True, False, False)
    """
    if not patterns:
        return lambda record: True
    matchers = [_matcher(each, content) for each in patterns]
    return lambda record: any(matches(record) for matches in matchers)


def _matcher(text: str, content: str) -> Matcher:
    whole = compiled(text)
    pattern = json.loads(text)
    if not content or content not in pattern:
        return whole
    on_content = _on_content(pattern.pop(content))
    rest = compile_object(pattern) if pattern else None
    return lambda record: (
        on_content(record.get(content)) and (rest is None or rest(_but(record, content)))
    )


def _but(record: Mapping[str, Any], content: str) -> dict[str, Any]:
    return {name: each for name, each in record.items() if name != content}


def _on_content(pattern: Any) -> Callable[[Any], bool]:
    if isinstance(pattern, dict):
        matches = compile_object(pattern)

        def as_json(text: Any) -> bool:
            found = _parsed(text)
            return isinstance(found, dict) and matches(found)

        return as_json
    rules = compile_rules(pattern)

    def as_text(text: Any) -> bool:
        return isinstance(text, str) and _parsed(text) is None and rules(True, text)

    return as_text


def _parsed(text: Any) -> Any:
    """The JSON object or array in `text`; None for anything else, which is plain text."""
    if not isinstance(text, str):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


__all__ = ["BadPattern", "patterns_of", "wanted"]
