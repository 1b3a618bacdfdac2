"""Redis: streams beside reading a group a thousand at a time, pub/sub beside its own iterator."""

from __future__ import annotations

import time
from typing import Any

from pelton.event_sources import Source
from pelton.event_sources.sources.redis_pubsub import RedisPubSub
from pelton.event_sources.sources.redis_stream import RedisStream

from .shape import BODY, MESSAGES, Kept, Pushed, all_of


class OfStreams(Kept):
    what = "Redis streams"

    def source(self, name: str) -> Source:
        return RedisStream(self.address, stream=name, group="ours")

    async def put(self, name: str) -> None:
        from redis.asyncio import Redis

        client = Redis.from_url(self.address)
        async with client, client.pipeline(transaction=False) as line:
            for _ in range(MESSAGES):
                line.xadd(name, {"data": BODY})
            await line.execute()

    async def floor(self, name: str) -> float:
        from redis.asyncio import Redis

        start = time.perf_counter()
        async with Redis.from_url(self.address) as client:
            await client.xgroup_create(name, "floor", id="0")
            seen = 0
            while seen < MESSAGES:
                found: Any = await client.xreadgroup("floor", "c", {name: ">"}, count=1000)
                entries = found[name.encode()][0] if isinstance(found, dict) else found[0][1]
                await client.xack(name, "floor", *(id for id, _ in entries))
                seen += len(entries)
            return MESSAGES / (time.perf_counter() - start)


class OfChannels(Pushed):
    what = "Redis pub/sub"

    def source(self, name: str) -> Source:
        return RedisPubSub(self.address, channel=name, buffer=MESSAGES)

    async def put(self, name: str) -> None:
        from redis.asyncio import Redis

        client = Redis.from_url(self.address)
        async with client, client.pipeline(transaction=False) as line:
            for _ in range(MESSAGES):
                line.publish(name, BODY)
            await line.execute()

    async def floor(self, name: str) -> float:
        from redis.asyncio import Redis

        async with Redis.from_url(self.address) as client, client.pubsub() as channels:
            await channels.subscribe(name)
            await channels.get_message(timeout=5)
            start = time.perf_counter()
            await self.put(name)
            await all_of(channels.listen())
            return MESSAGES / (time.perf_counter() - start)
