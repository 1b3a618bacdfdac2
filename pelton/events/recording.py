"""Recorded events: what a function was called with and what it answered, one JSON line each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .kinds.base import CannotMake

VERSION = 1


@dataclass(frozen=True, slots=True)
class Recorded:
    """One call.

    event, answer: JSON-ready; text that is no JSON as text
    error:         "" for success, else as the platform says that it failed
    milliseconds:  how long it took
    streamed:      its answer was a stream, of which nothing was kept
    redacted:      names of members whose values were replaced
    """

    function: str
    platform: str
    event: Any
    answer: Any
    error: str = ""
    time: float = 0.0
    milliseconds: float = 0.0
    version: str = ""
    request_id: str = ""
    streamed: bool = False
    redacted: tuple[str, ...] = ()

    def line(self) -> str:
        """As a file has it."""
        return json.dumps({"pelton_event": VERSION, **asdict(self)}) + "\n"


def parsed(text: str) -> Any:
    """A document, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def read(path: Path) -> Iterator[Recorded]:
    """The calls of a file.  Raises `CannotMake` with file and line."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _recorded(line, f"{path}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotMake(f"{path} cannot be read: {error}") from None


def _recorded(line: str, place: str) -> Recorded:
    try:
        document = json.loads(line)
        version = document.pop("pelton_event")
        if version > VERSION:
            raise CannotMake(f"{place} was recorded by a newer pelton: replay it with that one")
        return Recorded(**document)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CannotMake(
            f"{place} is no recorded event; `pelton events record` writes them"
        ) from None
