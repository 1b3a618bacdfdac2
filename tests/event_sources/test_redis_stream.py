"""Redis streams, against a real redis-server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

import pytest

from pelton.event_sources.sources.redis_stream import RedisStream

from .bench import Bench
from .promises import PromiseTests
from .servers.redis import RedisServer

_numbers = count()


class RedisStreamBench:
    """A stream of its own, whose entries have a field `key`."""

    def __init__(self, server: RedisServer) -> None:
        self.server, self.name = server, f"s{next(_numbers)}"
        self.dead = f"dead-{self.name}"
        self.kill, self.start = server.kill, server.start

    def source(self, lease: float = 30.0) -> RedisStream:
        return RedisStream(self.server.url, stream=self.name, key="key", lease=lease)

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        async with self._client() as client:
            for key, body in bodies:
                await client.xadd(self.name, {"data": body, "key": key})

    async def letters(self) -> list[tuple[bytes, Mapping[str, str]]]:
        async with self._client() as client:
            found = await client.xrange(self.dead)
        named = [{name.decode(): value for name, value in fields.items()} for _, fields in found]
        return [
            (each.pop("data"), {name: value.decode() for name, value in each.items()})
            for each in named
        ]

    def _client(self) -> Any:
        from redis.asyncio import Redis

        return Redis.from_url(self.server.url)


class TestRedisStream(PromiseTests):
    promises = RedisStream.promises

    @pytest.fixture
    def bench(self, redis_server: RedisServer) -> Bench:
        return RedisStreamBench(redis_server)
