"""Redis pub/sub, against a real redis-server."""

from __future__ import annotations

from itertools import count

import pytest

from pelton.event_sources.sources.redis_pubsub import RedisPubSub

from .bench import Bench
from .promises import PromiseTests
from .servers.redis import RedisServer
from .test_redis_stream import RedisStreamBench

_numbers = count()


class PubSubBench(RedisStreamBench):
    """Channels NAME.KEY; dead letters go to a stream."""

    def source(self, lease: float = 30.0) -> RedisPubSub:  # type: ignore[override]
        return RedisPubSub(self.server.url, channel=f"{self.name}.*")

    async def publish(self, bodies: object) -> None:
        async with self._client() as client:
            for key, body in bodies:  # type: ignore[attr-defined]
                await client.publish(f"{self.name}.{key}", body)


class TestRedisPubSub(PromiseTests):
    promises = RedisPubSub.promises

    @pytest.fixture
    def bench(self, redis_server: RedisServer) -> Bench:
        return PubSubBench(redis_server)
