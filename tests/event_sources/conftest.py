"""The brokers, each started once for those who ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .servers.base import running
from .servers.kafka import KafkaMock, KafkaServer
from .servers.mosquitto import Mosquitto
from .servers.nats import NatsServer
from .servers.postgres import PostgresServer
from .servers.rabbitmq import RabbitServer
from .servers.redis import RedisServer
from .servers.websocket import WebSocketServer


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaMock]:
    """librdkafka's own, which is there at once."""
    server = KafkaMock()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """The real one."""
    yield from running(KafkaServer, tmp_path_factory, "kafka")


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    yield from running(Mosquitto, tmp_path_factory, "mosquitto")


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    yield from running(NatsServer, tmp_path_factory, "nats")


@pytest.fixture(scope="session")
def rabbit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    yield from running(RabbitServer, tmp_path_factory, "rabbitmq")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    yield from running(PostgresServer, tmp_path_factory, "postgres")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    yield from running(RedisServer, tmp_path_factory, "redis")


@pytest.fixture(scope="session")
def websocket_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSocketServer]:
    yield from running(WebSocketServer, tmp_path_factory, "websocket")
