"""All that holds for Kafka, against a real broker: the promises, the faults, and what is peculiar
to it.  It takes ten seconds to start and to come back, so all of this is slow."""

from __future__ import annotations

import pytest

from . import test_kafka
from .servers.kafka import KafkaServer

pytestmark = pytest.mark.slow


class TestKafkaBroker(test_kafka.TestKafka):
    @pytest.fixture
    def kafka_server(self, kafka_broker: KafkaServer) -> KafkaServer:
        return kafka_broker
