"""JetStream beside nats-py's pull consumer, a thousand a fetch."""

from __future__ import annotations

import asyncio
import time

from pelton.event_sources import Source
from pelton.event_sources.sources.jetstream import JetStream

from .shape import BODY, MESSAGES, Kept


class OfJetStream(Kept):
    what = "JetStream"

    def source(self, name: str) -> Source:
        return JetStream(self.address, stream=name, durable="ours")

    async def put(self, name: str) -> None:
        import nats

        client = await nats.connect(self.address)
        stream = client.jetstream()
        await stream.add_stream(name=name, subjects=[name])
        await asyncio.gather(*[await stream.publish_async(name, BODY) for _ in range(MESSAGES)])
        await client.close()

    async def floor(self, name: str) -> float:
        import nats

        start = time.perf_counter()
        client = await nats.connect(self.address)
        taking = await client.jetstream().pull_subscribe(name, "floor", stream=name)
        seen = 0
        while seen < MESSAGES:
            found = await taking.fetch(1000, timeout=5)
            for each in found:
                await each.ack()
            seen += len(found)
        await client.flush()
        seconds = time.perf_counter() - start
        await client.close()
        return MESSAGES / seconds
