"""One wrong value deep inside a body, and the path to it as the decoders unwind."""

from __future__ import annotations

from typing import Any


class Fault(Exception):
    """A value does not fit: `kind` is a short machine word, `path` grows outward-in."""

    def __init__(
        self, message: str, kind: str, *, several: list[dict[str, Any]] | None = None
    ) -> None:
        self.message, self.kind = message, kind
        # What another library's validator found, its paths beginning at this value.
        self.several = several
        self.path: list[str | int] = []
        super().__init__(message)

    def under(self, key: str | int) -> Fault:
        """The same fault, one level further out."""
        self.path.insert(0, key)
        return self

    def details(self) -> list[dict[str, Any]]:
        if self.several is None:
            return [{"path": self.path, "message": self.message, "type": self.kind}]
        return [{**each, "path": [*self.path, *each["path"]]} for each in self.several]


def wrong(expected: str, value: object, kind: str = "") -> Fault:
    """A fault that says what was expected and what came.

    >>> str(wrong("an integer", "x"))
    "expected an integer, got the string 'x'"
    """
    return Fault(f"expected {expected}, got {describe(value)}", kind or "type")


def describe(value: object) -> str:
    """A JSON value in words, short enough for a log line.

    >>> describe([1, 2])
    'an array of 2'
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the string {value[:40] + '…' if len(value) > 40 else value!r}"
    if isinstance(value, list | tuple):
        return f"an array of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    return f"the number {value}" if isinstance(value, int | float) else f"a {type(value).__name__}"
