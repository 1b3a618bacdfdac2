"""Dead letters to a function of the user's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..message import Letter
from ..source import Source


@dataclass(frozen=True)
class ToCall:
    """To an async callable; it raises `Away` or OSError to be called again."""

    call: Callable[[Letter], Awaitable[object]]

    async def bury(self, source: Source, letter: Letter) -> None:
        await self.call(letter)
