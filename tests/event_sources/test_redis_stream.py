"""Redis streams, against a real redis-server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice
from typing import Any

import pytest

from pelton.event_sources.sources.redis_stream import RedisStream

from .faults import FaultBench, FaultTests
from .promises import PromiseTests
from .servers.redis import RedisServer

_numbers = count()


def batched(bodies: Iterable[tuple[str, bytes]], size: int) -> Iterator[list[tuple[str, bytes]]]:
    left = iter(bodies)
    while some := list(islice(left, size)):
        yield some


class RedisStreamBench:
    """A stream of its own, whose entries have a field `key`."""

    def __init__(self, server: RedisServer) -> None:
        self.server, self.name = server, f"s{next(_numbers)}"
        self.dead = f"dead-{self.name}"
        self.kill, self.start, self.port = server.kill, server.start, server.port

    def source(self, lease: float = 30.0) -> RedisStream:
        return RedisStream(self.server.url, stream=self.name, key="key", lease=lease)

    def by_port(self, port: int) -> RedisStream:
        return RedisStream(
            f"redis://127.0.0.1:{port}/0", stream=self.name, key="key", lease=2.0, alone=True
        )

    def spec(self) -> tuple[str, Mapping[str, Any]]:
        settings = {"stream": self.name, "key": "key", "lease": 2.0, "alone": True}
        return "redis-stream", {"url": self.server.url, **settings}

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        async with self._client() as client:
            for some in batched(bodies, 500):
                async with client.pipeline(transaction=False) as line:
                    for key, body in some:
                        line.xadd(self.name, {"data": body, "key": key})
                    await line.execute()

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


class TestRedisStream(PromiseTests, FaultTests):
    promises = RedisStream.promises

    @pytest.fixture
    def bench(self, redis_server: RedisServer) -> FaultBench:
        return RedisStreamBench(redis_server)
