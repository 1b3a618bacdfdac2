"""A redrive: letter after letter, oldest first, is sent and, when that is confirmed, taken from its
place.  Behind one that was not sent, those of its key stay as well, so that no key is out of order.
A kill at any moment may have one sent twice, and loses none.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from .kept import Kept
from .place import NotSent, Place
from .wanted import Wanted

Send = Callable[[Kept], Awaitable[None]]


@dataclass
class Redriven:
    """
    sent:     letters that are where they were sent to, and no more in their place
    not_sent: why not, of those that stay though they were meant, with the letters
    left:     letters that were not meant
    """

    sent: int = 0
    not_sent: list[tuple[Kept, str]] = field(default_factory=list)
    left: int = 0


async def redrive(
    place: Place, wanted: Wanted, send: Send | None = None, now: Callable[[], float] = time.time
) -> Redriven:
    """Send the letters of an open place; by default back to where they came from.

    >>> import asyncio
    >>> from pelton.event_sources import Letter, Message
    >>> from pelton.event_sources.sources.memory import Memory
    >>> from pelton.event_sources.redrive.places.memory import MemoryPlace
    >>> async def again() -> bytes:
    ...     source = Memory()
    ...     await source.bury(Letter(Message("1", b"a", "memory"), "no luck", 3, 0.0), "dead")
    ...     await redrive(MemoryPlace(source, "dead"), Wanted())
    ...     return (await source.receive(1, 0))[0].body
    >>> asyncio.run(again())
    b'a'
    """
    done = Redriven()
    stopped: set[tuple[str, str]] = set()
    async for letter, meant in _chosen(place, wanted, now()):
        if not meant:
            done.left += 1
        elif letter.lane in stopped:
            done.not_sent.append((letter, "one of its key, before it, was not sent"))
        else:
            try:
                await (send or place.send)(letter)
            except NotSent as error:
                done.not_sent.append((letter, str(error)))
                stopped.add(letter.lane)
            else:
                await place.remove(letter)
                done.sent += 1
    return done


@dataclass
class Looked:
    """
    letters: those that are meant
    reasons: how many of them there are of each reason, the most first
    left:    letters that are not meant
    """

    letters: list[Kept]
    left: int = 0

    @property
    def reasons(self) -> list[tuple[str, int]]:
        return Counter(each.reason for each in self.letters).most_common()


async def look(place: Place, wanted: Wanted, now: Callable[[], float] = time.time) -> Looked:
    """What a redrive would send; nothing is."""
    found = Looked([])
    async for letter, meant in _chosen(place, wanted, now()):
        if meant:
            found.letters.append(letter)
        else:
            found.left += 1
    return found


async def _chosen(place: Place, wanted: Wanted, now: float) -> AsyncIterator[tuple[Kept, bool]]:
    """Each letter, and whether it is meant.  The rest is not looked at when there are enough."""
    found = 0
    async for letter in place.letters():
        meant = wanted.fits(letter, now)
        yield letter, meant
        found += meant
        if wanted.most and found >= wanted.most:
            return
