"""The letters that a `Memory` source has buried, in its own process: for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from ...message import Letter
from ...sources.memory import Memory
from ..kept import Kept, of_headers
from ..place import Place


class MemoryPlace(Place):
    """The list `place` of a source."""

    kind: ClassVar[str] = "memory"

    def __init__(self, source: Memory, place: str) -> None:
        super().__init__()
        self._source, self._place = source, place

    async def letters(self) -> AsyncIterator[Kept]:
        for each in list(self._source.letters.get(self._place, ())):
            yield _kept(each)

    async def send(self, letter: Kept, to: str = "") -> None:
        self._source.put(letter.body, letter.key)

    async def remove(self, letter: Kept) -> None:
        self._source.letters[self._place].remove(letter.raw)


def _kept(letter: Letter) -> Kept:
    return of_headers(letter.message.id, letter.message.body, letter.headers(), letter)
