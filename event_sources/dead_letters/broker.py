"""Dead letters to another place of the broker that the message came from."""

from __future__ import annotations

from dataclasses import dataclass

from ..message import Letter
from ..source import Source


@dataclass(frozen=True)
class ToBroker:
    """To `place`: a stream, subject, queue or folder, as the source understands it."""

    place: str

    async def bury(self, source: Source, letter: Letter) -> None:
        await source.bury(letter, self.place)
