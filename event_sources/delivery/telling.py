"""What a broker is told of its messages: what is done, who is still in hand, what is its own again;
and dead letters, which are done when they are safe.  What it is not told, it hands out again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..dead_letters import DeadLetters
from ..errors import Away
from ..message import Letter
from ..source import Source
from .engine import Engine

log = logging.getLogger("pelton.event_sources")


class Telling:
    """
    letters: where dead letters go; None where there are none
    said:    called with why a dead letter was not taken, and with "" for one that was
    again:   called when one was not taken: `tell` is to be called again after a pause
    """

    def __init__(
        self,
        source: Source,
        engine: Engine,
        letters: DeadLetters | None,
        said: Callable[[str], None],
        again: Callable[[], None],
    ) -> None:
        self._source, self._engine, self._letters = source, engine, letters
        self._said, self._again = said, again

    async def tell(self, now: float) -> None:
        """All that there is to be told now."""
        try:
            if extensions := self._engine.take_extensions(now):
                await self._source.extend(extensions)
            await self._acknowledge()
            await self._bury_all()
            await self._acknowledge()
            if backs := self._engine.take_backs():
                await self._source.give_back(backs)
        except (Away, OSError) as error:
            # Who reads the source sees it as well, and opens it again.
            log.warning("%r: %s", self._source, error)

    async def _acknowledge(self) -> None:
        while acks := self._engine.take_acks():
            await self._source.ack(acks)

    async def _bury_all(self) -> None:
        """Until one is not taken: a place that is away may take its time to say so, and leases and
        acknowledgements do not wait for each letter."""
        letters = self._engine.take_letters()
        for number, letter in enumerate(letters):
            if not await self._is_buried(letter):
                # It may be the only one that is not taken: the others go before it.
                for each in (*letters[number + 1 :], letter):
                    self._engine.not_buried(each)
                self._again()
                return

    async def _is_buried(self, letter: Letter) -> bool:
        assert self._letters is not None
        try:
            await self._letters.bury(self._source, letter)
        except (Away, OSError) as error:
            self._said(str(error))
            return False
        self._engine.buried(letter)
        self._said("")
        return True
