"""JetStream, against a real nats-server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from pelton.event_sources import Delivery, Rules
from pelton.event_sources.dead_letters import ToBroker
from pelton.event_sources.sources.jetstream import JetStream

from .bench import Seen, choking, until
from .faults import FaultBench, FaultTests
from .on_nats import OnNats
from .promises import PromiseTests
from .servers.nats import NatsServer

LARGE = b"x" * (1024 * 1024 - 20)


class JetStreamBench(OnNats):
    """With a stream of its own."""

    def __init__(self, server: NatsServer) -> None:
        super().__init__(server)
        self.port = server.port

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
        await super().prepare()
        client = await self.client()
        await client.jetstream().add_stream(name=self.name, subjects=[f"{self.name}.*"])
        await client.close()

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        client = await self.client()
        stream = client.jetstream()
        sent = [await stream.publish_async(f"{self.name}.{key}", body) for key, body in bodies]
        await asyncio.gather(*sent)
        await client.close()


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
