"""A source that one worker of several reads at a time; another goes on when that one has ended.

Who reads is said by a claim in a store that all of them share, renewed while its worker lives.  A
worker that cannot renew it in time, or stood still for too long, lets go by itself: by then another
may have begun.  What it has in hand then ends beside that other one, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from .errors import Away, Standby
from .message import Letter, Lost, Message
from .source import Promises, Source
from .stores.base import Store

log = logging.getLogger("pelton.event_sources")


class Alone(Source):
    """`source`, while nobody else who goes by that name and store has it open.  What one that was
    killed had in hand comes before what is behind it, where the source can do that.

    lease:  seconds after which another takes the place of a worker that gives no sign of life
    steady: seconds that are never set

    >>> from .sources.memory import Memory
    >>> from .stores.memory import MemoryStore
    >>> store = MemoryStore()
    >>> one, other = (Alone(Memory([b"a"]), store, "orders") for _ in range(2))
    >>> async def both() -> str:
    ...     await one.open()
    ...     try:
    ...         await other.open()
    ...     except Standby as error:
    ...         return str(error)
    ...     finally:
    ...         await one.requeue([])
    ...         await one.close()
    >>> asyncio.run(both())
    'another worker reads orders'
    """

    kind: ClassVar[str] = ""
    lease: float | None

    def __init__(
        self,
        source: Source,
        store: Store,
        name: str,
        *,
        lease: float = 30.0,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self._store, self.name = source, store, name
        self._key = f"alone {name}"  # others keep other things in the store
        source.stand_alone(name)
        self.lease, self._claim_s, self._steady = source.lease, lease, steady
        self._token, self._until = "", 0.0
        self._ending = False
        self._beating: asyncio.Task[None] | None = None

    # Of the source, and no class's own: an instance has its own word for them.
    @property
    def promises(self) -> Promises:  # type: ignore[override]
        return self.source.promises

    @property
    def gives_up(self) -> bool:
        return self.source.gives_up

    # -- the claim
    async def open(self) -> None:
        """Raises Standby while another has it."""
        if not self._holds():
            await self._claim()
        await self.source.open()
        self._beating = asyncio.create_task(self._beat())

    async def _claim(self) -> None:
        begun = self._steady()
        (claim,) = await self._store.claim([self._key], self._claim_s)
        if not claim.token:
            raise Standby(f"another worker reads {self.name}", min(claim.after, self._claim_s / 3))
        self._token, self._until = claim.token, begun + self._claim_s

    def _holds(self) -> bool:
        return bool(self._token) and self._steady() < self._until

    async def _beat(self) -> None:
        while self._token:
            await asyncio.sleep(self._claim_s / 3)
            begun = self._steady()
            if not self._holds():  # we stood still: it may be another's
                return
            try:
                await self._store.renew({self._key: self._token}, self._claim_s)
                self._until = begun + self._claim_s
            except (Away, OSError) as error:
                log.warning("the claim on %s is not renewed: %s", self.name, error)

    async def _release(self) -> None:
        token, self._token = self._token, ""
        if token:
            with contextlib.suppress(Away, OSError):  # it ends by itself
                await self._store.release({self._key: token})

    def _check(self) -> None:
        if not self._holds():
            self._token = ""
            raise Away(f"the claim on {self.name} is over: another worker may read it now")

    # -- the source
    async def receive(self, most: int, seconds: float) -> Sequence[Message | Lost]:
        """No longer at a time than the claim may be looked away from."""
        self._check()
        found = await self.source.receive(most, min(seconds, self._claim_s / 3))
        self._check()  # what was taken comes again, to whom it is now
        return found

    async def ack(self, messages: Sequence[Message]) -> None:
        self._check()
        await self.source.ack(messages)

    async def extend(self, messages: Sequence[Message]) -> None:
        await self.source.extend(messages)

    async def give_back(self, messages: Sequence[Message]) -> None:
        await self.source.give_back(messages)

    async def requeue(self, messages: Sequence[Message]) -> None:
        self._ending = True
        await self.source.requeue(messages)

    async def bury(self, letter: Letter, place: str) -> None:
        await self.source.bury(letter, place)

    async def answer(self, message: Message, body: str | bytes) -> bool:
        return await self.source.answer(message, body)

    async def close(self) -> None:
        """Before the end the claim is not given up, and not renewed: what is in hand goes on while
        the source is opened again, and where that takes too long, another may reach it."""
        beating, self._beating = self._beating, None
        if beating is not None:
            beating.cancel()
            await asyncio.wait({beating})
        await self.source.close()
        if self._ending:
            await self._release()

    def __repr__(self) -> str:
        return repr(self.source)
