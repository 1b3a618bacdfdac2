"""What is private in recorded events is replaced: by the names of members, wherever they stand.

Events carry documents inside of texts (a queue's body) and of base64 (a stream's data): these are
opened, changed and closed again.  A value keeps its type, so that a replayed event still fits.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from .recording import Recorded

ALWAYS = ("authorization", "cookie", "cookies", "set-cookie", "x-api-key", "x-amz-security-token")
REDACTED = "redacted"
_SHORTEST = 16  # characters of a text that may be base64


class Redaction:
    """Replaces the values of members by their names: exact or with `*`, in any case.

    >>> Redaction(["card*"]).of({"body": '{"cardNumber": "4111", "n": 2}', "Cookie": "a=b"})
    {'body': '{"cardNumber": "redacted", "n": 2}', 'Cookie': 'redacted'}
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._patterns = tuple(each.lower() for each in (*ALWAYS, *names))

    def of(self, value: Any) -> Any:
        """The same value without what is private."""
        if isinstance(value, dict):
            return {
                name: blank(each) if self._is_private(name) else self.of(each)
                for name, each in value.items()
            }
        if isinstance(value, list):
            return [self.of(each) for each in value]
        return self._text(value) if isinstance(value, str) else value

    def recorded(self, call: Recorded) -> Recorded:
        """A recorded call without what is private, which says what was replaced."""
        return replace(
            call, event=self.of(call.event), answer=self.of(call.answer), redacted=self._patterns
        )

    def _is_private(self, name: str) -> bool:
        return any(fnmatchcase(name.lower(), pattern) for pattern in self._patterns)

    def _text(self, text: str) -> str:
        """A text, which may be a document, or one in base64."""
        if text[:1] in ("{", "["):
            return self._document(text)
        if len(text) < _SHORTEST or len(text) % 4:
            return text
        try:
            inner = base64.b64decode(text, validate=True).decode()
        except ValueError:  # also what base64 and UTF-8 raise
            return text
        if inner[:1] not in ("{", "["):
            return text
        changed = self._document(inner)
        return text if changed == inner else base64.b64encode(changed.encode()).decode()

    def _document(self, text: str) -> str:
        """As it stands where nothing is private in it: spaces and the order of members count."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return text
        changed = self.of(found)
        return text if changed == found else json.dumps(changed)


def blank(value: Any) -> Any:
    """Something of the same type that says nothing.

    >>> blank({"a": ["x", 3, True, None]})
    {'a': ['redacted', 0, False, None]}
    """
    if isinstance(value, dict):
        return {name: blank(each) for name, each in value.items()}
    if isinstance(value, list):
        return [blank(each) for each in value]
    if isinstance(value, bool):
        return False
    if isinstance(value, (int, float)):
        return type(value)(0)
    return REDACTED if isinstance(value, str) else value
