"""Kafka: a real broker where `kafka-server-start.sh` is on the machine (one node, KRaft), else the
mock cluster of librdkafka, which comes with confluent-kafka and is a broker on real sockets."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ...ports import free_port
from .base import Server, find

PARTITIONS = 3
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
"""


class KafkaServer(Server):
    """A real one."""

    program = "kafka-server-start.sh"
    package = "Apache Kafka"
    session = 4.0

    def __init__(self, folder: Path) -> None:
        self._controller = free_port()
        super().__init__(folder)

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.port}"

    def arguments(self) -> list[str]:
        return [str(self._properties())]

    def start(self) -> None:
        if not (self.folder / "log").exists():
            storage = find("kafka-storage.sh")
            assert storage is not None, "kafka-storage.sh is not beside kafka-server-start.sh"
            made = ["format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", str(self._properties())]
            subprocess.run([storage, *made], check=True, capture_output=True)
        super().start()

    def _properties(self) -> Path:
        path = self.folder / "server.properties"
        path.write_text(
            PROPERTIES.format(port=self.port, controller=self._controller, folder=self.folder)
        )
        return path

    def create(self, topic: str) -> None:
        from confluent_kafka import admin

        client = admin.AdminClient({"bootstrap.servers": self.url})
        made: Any = admin  # its types do not export this one
        client.create_topics([made.NewTopic(topic, PARTITIONS, 1)])[topic].result(30)


class KafkaMock:
    """librdkafka's own, in this process; `kill` cuts its connections and refuses new ones.

    session: after a member has left it waits nearly so long before others join
    """

    session = 2.0

    def __init__(self) -> None:
        self._lib = _librdkafka()
        said = ctypes.create_string_buffer(512)
        self._client = self._lib.rd_kafka_new(0, None, said, len(said))
        self._cluster = self._lib.rd_kafka_mock_cluster_new(self._client, 1)
        self._lib.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self.url = self._lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create(self, topic: str) -> None:
        assert not self._lib.rd_kafka_mock_topic_create(
            self._cluster, topic.encode(), PARTITIONS, 1
        )

    def kill(self) -> None:
        self._lib.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def start(self) -> None:
        self._lib.rd_kafka_mock_broker_set_up(self._cluster, 1)

    def stop(self) -> None:
        self._lib.rd_kafka_mock_cluster_destroy(self._cluster)
        self._lib.rd_kafka_destroy(self._client)


def kafka_server(folder: Path) -> KafkaServer | KafkaMock:
    """The one there is."""
    if find(KafkaServer.program) is not None:
        return KafkaServer(folder)
    return KafkaMock()


def _librdkafka() -> Any:
    """The library that the client brought, with the functions of its mock cluster declared."""
    found = pytest.importorskip("confluent_kafka", reason="install confluent-kafka")
    folder = Path(found.__file__).parent.with_name("confluent_kafka.libs")
    paths = sorted(folder.glob("librdkafka*.so*"))
    if not paths:
        pytest.skip("there is no kafka-server-start.sh, and no librdkafka beside confluent-kafka")
    library = ctypes.CDLL(str(paths[0]))
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    declared: dict[str, tuple[Any, list[Any]]] = {
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
        "rd_kafka_mock_broker_set_down": (number, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_up": (number, [pointer, ctypes.c_int32]),
    }
    for name, (result, arguments) in declared.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
