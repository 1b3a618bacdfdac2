"""Dead letters to a function of the user's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..errors import Away
from ..message import Letter
from ..source import Source


@dataclass(frozen=True)
class ToCall:
    """To an async callable.  Whatever it raises, the letter is held, the status says so, and it is
    called again."""

    call: Callable[[Letter], Awaitable[object]]

    async def bury(self, source: Source, letter: Letter) -> None:
        try:
            await self.call(letter)
        except Exception as error:
            # A fault of the user's own must not end the acknowledgements of all other messages.
            raise Away(f"{type(error).__name__}: {error}".rstrip(": ")) from error
