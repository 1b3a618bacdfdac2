"""A bench on a server of NATS, with JetStream or without: subjects of its own, NAME.KEY, and a
stream for dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from .servers.nats import NatsServer

_numbers = count()


class OnNats:
    """See the module."""

    def __init__(self, server: NatsServer) -> None:
        self.server, self.name = server, f"n{next(_numbers)}"
        self.dead = f"dead-{self.name}"
        self.kill, self.start = server.kill, server.start

    async def prepare(self) -> None:
        client = await self.client()
        await client.jetstream().add_stream(name=self.dead, subjects=[self.dead])
        await client.close()

    async def letters(self) -> list[tuple[bytes, Mapping[str, str]]]:
        client = await self.client()
        found = await client.jetstream().pull_subscribe(self.dead, "reader", stream=self.dead)
        messages = await found.fetch(100, timeout=1)
        await client.close()
        return [(each.data, each.headers) for each in messages]

    async def client(self) -> Any:
        import nats

        return await nats.connect(self.server.url)
