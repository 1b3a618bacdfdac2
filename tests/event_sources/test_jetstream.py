"""JetStream, against a real nats-server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

import pytest

from pelton.event_sources import Delivery, Rules
from pelton.event_sources.dead_letters import ToBroker
from pelton.event_sources.sources.jetstream import JetStream

from .bench import Seen, choking, until
from .faults import FaultBench, FaultTests
from .promises import PromiseTests
from .servers.nats import NatsServer

_numbers = count()
LARGE = b"x" * (1024 * 1024 - 20)


class JetStreamBench:
    """A stream of its own, with subjects NAME.KEY, and one for dead letters."""

    def __init__(self, server: NatsServer) -> None:
        self.server, self.name = server, f"s{next(_numbers)}"
        self.dead = f"dead-{self.name}"
        self.kill, self.start, self.port = server.kill, server.start, server.port
        self._made = False

    def source(self, lease: float = 30.0) -> JetStream:
        subject = f"{self.name}.*"
        return JetStream(self.server.url, stream=self.name, subject=subject, lease=lease)

    def by_port(self, port: int) -> JetStream:
        _, settings = self.spec()
        return JetStream(**{**settings, "url": f"nats://127.0.0.1:{port}"})

    def spec(self) -> tuple[str, Mapping[str, Any]]:
        settings = {"stream": self.name, "subject": f"{self.name}.*", "lease": 2.0, "alone": True}
        return "jetstream", {"url": self.server.url, **settings}

    async def prepare(self) -> None:
        client = await self._client()
        stream = client.jetstream()
        await stream.add_stream(name=self.name, subjects=[f"{self.name}.*"])
        await stream.add_stream(name=self.dead, subjects=[self.dead])
        await client.close()

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        client = await self._client()
        stream = client.jetstream()
        sent = [await stream.publish_async(f"{self.name}.{key}", body) for key, body in bodies]
        await asyncio.gather(*sent)
        await client.close()

    async def letters(self) -> list[tuple[bytes, Mapping[str, str]]]:
        client = await self._client()
        found = await client.jetstream().pull_subscribe(self.dead, "reader", stream=self.dead)
        messages = await found.fetch(100, timeout=1)
        await client.close()
        return [(each.data, each.headers) for each in messages]

    async def _client(self) -> Any:
        import nats

        return await nats.connect(self.server.url)


class TestJetStream(PromiseTests, FaultTests):
    promises = JetStream.promises

    @pytest.fixture
    def bench(self, nats_server: NatsServer) -> FaultBench:
        made = JetStreamBench(nats_server)
        asyncio.run(made.prepare())
        return made

    def test_a_letter_that_is_too_large_is_said_and_ends_no_connection(
        self, bench: FaultBench
    ) -> None:
        """With its reason it is larger than it was; the server would end the connection, and the
        next one, for as long as it is held."""

        async def run() -> None:
            delivery = Delivery(
                bench.source(),
                Seen(choking(LARGE)),
                Rules(attempts=1),
                dead_letters=ToBroker(bench.dead),
            )
            await bench.publish([("k", LARGE), ("k", b"after")])
            async with delivery:
                await until(lambda: delivery.status.state == "unhealthy")
                await until(lambda: delivery.tally.done == 1)
                assert "more than the server's max_payload of 1048576" in delivery.status.reason
                assert (delivery.held, delivery.tally.reconnects) == (1, 0)

        asyncio.run(run())
