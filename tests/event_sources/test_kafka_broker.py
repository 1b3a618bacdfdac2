"""All that holds for Kafka, against a real broker: the promises, the faults, and what is peculiar
to it.  It takes ten seconds to start and to come back, so all of this is slow."""

from __future__ import annotations

import asyncio

import pytest

from pelton.event_sources.errors import Away
from pelton.event_sources.message import Letter, Message
from pelton.event_sources.sources.kafka import Kafka

from . import test_kafka
from .servers.kafka import KafkaServer

pytestmark = pytest.mark.slow


class TestKafkaBroker(test_kafka.TestKafka):
    @pytest.fixture
    def kafka_server(self, kafka_broker: KafkaServer) -> KafkaServer:
        return kafka_broker

    def test_dead_letters_without_a_topic_are_told_what_is_missing(
        self, kafka_server: KafkaServer
    ) -> None:
        async def run() -> None:
            source = Kafka(kafka_server.url, topic="any")
            letter = Letter(Message("1", b"1"), "no number", 1, 0.0)
            for _ in range(2):
                with pytest.raises(
                    Away, match=r"topic 'gone': .*[Uu]nknown topic.*; make it there"
                ):
                    await source.bury(letter, "gone")
            await source.close()

        asyncio.run(run())
