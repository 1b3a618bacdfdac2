"""What a configuration says of where its code is, as every kind of entry reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """`build` of a configuration, with its handler.

    environment: how the emulator's own services are reached, as workers are told it
    image: the configuration's own
    """

    build: Mapping[str, Any]
    handler: str
    environment: Mapping[str, str]
    image: str = ""

    @property
    def kind(self) -> str:
        """The type of the entry; without one, the source code's where there is some.

        >>> Entry({"functionSourceCode": "eA=="}, "m:f", {}).kind, Entry({}, "m:f", {}).kind
        ('sourceCode', 'archive')
        """
        given = str(self.build.get("codeEntryType") or "")
        if given in ("", "sourceCode"):
            return "sourceCode" if self.build.get("functionSourceCode") else "archive"
        return given

    @property
    def noun(self) -> str:
        if self.kind == "image":
            return "image"
        return "repository" if self.kind in ("git", "github") else "archive"

    @property
    def path(self) -> str:
        return str(self.build.get("path") or "")

    def attribute(self, name: str) -> str:
        """An attribute of the entry, "" when it is not there."""
        return str((self.build.get("codeEntryAttributes") or {}).get(name) or "")

    @property
    def headers(self) -> dict[str, str]:
        """What an archive is asked for with."""
        given = (self.build.get("codeEntryAttributes") or {}).get("headers") or {}
        return {str(name): str(value) for name, value in given.items()}
