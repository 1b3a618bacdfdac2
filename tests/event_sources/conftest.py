"""The brokers, each started once for those who ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .servers.kafka import KafkaMock, KafkaServer
from .servers.kafka import kafka_server as kafka_of
from .servers.mosquitto import Mosquitto
from .servers.nats import NatsServer
from .servers.postgres import PostgresServer
from .servers.rabbitmq import RabbitServer
from .servers.redis import RedisServer
from .servers.websocket import WebSocketServer


@pytest.fixture(scope="session")
def kafka_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[KafkaServer | KafkaMock]:
    server = kafka_of(tmp_path_factory.mktemp("kafka"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rabbit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    server = RabbitServer(tmp_path_factory.mktemp("rabbitmq"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def websocket_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSocketServer]:
    server = WebSocketServer(tmp_path_factory.mktemp("websocket"))
    yield server
    server.stop()
