"""NATS beside nats-py's iteration over a subscription."""

from __future__ import annotations

import time

from pelton.event_sources import Source
from pelton.event_sources.sources.nats import Nats

from .shape import BODY, MESSAGES, Pushed, all_of


class OfNats(Pushed):
    what = "NATS"

    def source(self, name: str) -> Source:
        return Nats(self.address, subject=name, buffer=MESSAGES)

    async def put(self, name: str) -> None:
        import nats

        client = await nats.connect(self.address)
        for _ in range(MESSAGES):
            await client.publish(name, BODY)
        await client.flush()
        await client.close()

    async def floor(self, name: str) -> float:
        """By iteration.  A bare callback, in which no message can wait, be tried again or be in
        order, makes three times as many: of that, ours are a quarter to two fifths."""
        import nats

        client = await nats.connect(self.address)
        listening = await client.subscribe(name)
        await client.flush()
        start = time.perf_counter()
        await self.put(name)
        await all_of(listening.messages)
        seconds = time.perf_counter() - start
        await client.close()
        return MESSAGES / seconds
