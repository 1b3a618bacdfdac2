"""Messages a second from real brokers to a handler that does nothing, one a batch and a hundred,
over what the client library's own loop of consuming and acknowledging makes of the same messages.

The floor reads as many at a time as it can, and acknowledges as cheaply as its library does; but
Kafka's, in which the library does nothing in Python, takes as many at a time as ours hands out.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from tests.event_sources.servers.mosquitto import Mosquitto
from tests.event_sources.servers.postgres import PostgresServer
from tests.event_sources.servers.rabbitmq import RabbitServer
from tests.event_sources.servers.websocket import WebSocketServer

from .consumers.of_directory import OfDirectory
from .consumers.of_jetstream import OfJetStream
from .consumers.of_kafka import kafka, kafka_rows
from .consumers.of_mqtt import OfMqtt
from .consumers.of_nats import OfNats
from .consumers.of_postgres import OfPostgres
from .consumers.of_rabbitmq import OfRabbitMQ
from .consumers.of_redis import OfChannels, OfStreams
from .consumers.of_websocket import OfWebSocket
from .consumers.servers import nats_server, of_tests, redis_server
from .consumers.shape import Consumed
from .row import Row

# Who serves what: a server that gives its address, and what is consumed there.
SERVED: tuple[tuple[Callable[[], AbstractContextManager[str]], tuple[type[Consumed], ...]], ...] = (
    (nats_server, (OfJetStream, OfNats)),
    (redis_server, (OfStreams, OfChannels)),
    (partial(of_tests, Mosquitto), (OfMqtt,)),
    (partial(of_tests, RabbitServer), (OfRabbitMQ,)),
    (partial(of_tests, PostgresServer), (OfPostgres,)),
    (partial(of_tests, WebSocketServer), (OfWebSocket,)),
    (tempfile.TemporaryDirectory, (OfDirectory,)),
)


def measure() -> list[Row]:
    """Messages a second."""
    rows: list[Row] = []
    for server, kinds in SERVED:
        with server() as address:
            for kind in kinds:
                rows += asyncio.run(kind(address).rows())
    with kafka() as address:
        rows += asyncio.run(kafka_rows(address))
    return rows


if __name__ == "__main__":
    print("\n".join(each.line() for each in measure()))
