"""What every place of dead letters does: show them, oldest first, send one again, forget it.

A place decides nothing: which letters are meant and what happens behind one that was not sent is
`run.py`'s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from ..errors import SourceError, WrongSource
from .kept import Kept


class CannotRedrive(WrongSource):
    """A place that cannot be read, or from which nothing can be sent; the sentence says why, and
    what can be done."""


class NotSent(SourceError):
    """This one letter was not sent, and stays where it is; others may be."""


class Place:
    """The base of all.

    kind:  the word for it
    words: the settings of a source of that broker which say how to come to it
    notes: what somebody should know at the end, in sentences

    Every call but the constructor may raise `Away`, which ends the work.
    """

    kind: ClassVar[str] = ""
    words: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self.notes: list[str] = []

    async def open(self) -> None:
        """Connect.  Raises `CannotRedrive` for a place that cannot be read, or kept in order."""

    def letters(self) -> AsyncIterator[Kept]:
        """The letters that are there now, oldest first, and none that comes meanwhile.  None is
        taken away by it."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it is read")

    async def send(self, letter: Kept, to: str = "") -> None:
        """Send it to where it came from, or to another place `to` of the same broker; back when it
        is safe there.  Raises `NotSent`."""
        raise CannotRedrive(f"nothing can be sent back from {self!r}: say which function shall run")

    async def remove(self, letter: Kept) -> None:
        """It is somewhere else now: forget it."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it forgets")

    async def close(self) -> None:
        """What was not removed is there for the next one; also after an `open` that failed.  Raises
        `Away` at the most."""

    def __repr__(self) -> str:
        return f"<dead letters of {self.kind or type(self).__name__}>"


def origin(letter: Kept, to: str) -> str:
    """Where it is to go.  Raises `NotSent` where nobody has said that."""
    if not (to or letter.topic):
        raise NotSent(
            "it does not say where it came from: say where to with --into, or a --function"
        )
    return to or letter.topic


def missing(what: str, place: str) -> CannotRedrive:
    """A place that is not there: it may be made by its first letter, and may be a slip."""
    said = f"there is no {what} {place!r}"
    return CannotRedrive(f"{said}: nothing was given up yet, or it is called otherwise")
