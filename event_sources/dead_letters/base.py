"""What every place for dead letters does; the message is acknowledged when `bury` has come back."""

from __future__ import annotations

import logging
from typing import Protocol

from ..message import Letter
from ..source import Source

log = logging.getLogger("pelton.event_sources")


class DeadLetters(Protocol):
    """A place where messages go that are given up."""

    async def bury(self, source: Source, letter: Letter) -> None:
        """Keep it; back when it is safe.  Raises `Away` or OSError: it is tried again."""


class Discard:
    """Nowhere: what is given up is logged with its reason, and forgotten."""

    async def bury(self, source: Source, letter: Letter) -> None:
        log.warning(
            "%r: message %s is dropped after %d tries: %s",
            source,
            letter.message.id,
            letter.attempts,
            letter.reason,
        )
