"""Kafka: the real broker (one node, KRaft) from jars that Maven brings, and the mock cluster of
librdkafka, which comes with confluent-kafka and is a broker on real sockets.

The real one takes ten seconds to start, so that what runs against it is slow.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ...ports import free_port
from .base import Server
from .certificates import certificates
from .maven import jars

PARTITIONS = 3
LISTENERS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", "CONTROLLER")
USER, PASSWORD = "ann", "0pen-sesame"
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{controller}
listeners={listeners}
advertised.listeners={advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map={protocols}
log.dirs={folder}/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
ssl.keystore.type=PEM
ssl.keystore.location={folder}/keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
listener.name.ssl.ssl.client.auth=required
"""
# PLAIN's users stand in the settings; those of SCRAM are among the cluster's own data.
PLAIN = (
    "listener.name.{listener}.plain.sasl.jaas.config="
    'org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";\n'
    "listener.name.{listener}.{scram}.sasl.jaas.config="
    "org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
)
MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
# It is there sooner so, and takes less of the machine.
JAVA = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m"]


class KafkaServer(Server):
    """A real one, with a listener for each way to speak with it; that of SSL wants a certificate of
    who comes.

    url: without TLS and without a password;  at: the address of another listener's
    """

    program = "java"
    package = "a Java runtime of version 17 or later"
    session = 4.0
    patience = 240.0  # five seconds of one core, of which it may get little

    def __init__(self, folder: Path) -> None:
        if shutil.which(self.program) is None:
            pytest.skip(f"there is no {self.program}: install {self.package}")
        self._jars = jars(Path(__file__).with_suffix(".lock"))
        first = free_port(len(LISTENERS))
        self._ports = {each: first + n for n, each in enumerate(LISTENERS)}
        self.certificates = made = certificates(folder)
        keystore = made.key.read_text() + made.certificate.read_text()
        (folder / "keystore.pem").write_text(keystore)
        super().__init__(folder)

    @property
    def url(self) -> str:
        return self.at("PLAINTEXT")

    def at(self, listener: str, host: str = "127.0.0.1") -> str:
        return f"{host}:{self._ports[listener]}"

    def arguments(self) -> list[str]:
        return [*self._java("kafka.Kafka"), str(self._properties())]

    def start(self) -> None:
        self.port = self._ports["PLAINTEXT"]
        if not (self.folder / "log").exists():
            users = [
                f"{each}=[name={USER},iterations=4096,password={PASSWORD}]" for each in MECHANISMS
            ]
            words = ["format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", str(self._properties())]
            words += [word for each in users for word in ("--add-scram", each)]
            command = [self.path, *self._java("kafka.tools.StorageTool"), *words]
            subprocess.run(command, check=True, capture_output=True, timeout=self.patience)
        super().start()

    def _java(self, program: str) -> list[str]:
        return [*JAVA, "-cp", f"{self._jars}/*", program]

    def _properties(self) -> Path:
        path = self.folder / "server.properties"
        every = [f"{each}://{self.at(each)}" for each in LISTENERS]
        spoken = [*(f"{each}:{each}" for each in LISTENERS[:-1]), "CONTROLLER:PLAINTEXT"]
        said = PROPERTIES.format(
            controller=self.at("CONTROLLER"),
            listeners=",".join(every),
            advertised=",".join(every[:-1]),
            protocols=",".join(spoken),
            folder=self.folder,
        )
        for listener in ("sasl_plaintext", "sasl_ssl"):
            for scram in map(str.lower, MECHANISMS):
                said += PLAIN.format(listener=listener, scram=scram, user=USER, password=PASSWORD)
        path.write_text(said)
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


def _librdkafka() -> Any:
    """The library that the client brought, with the functions of its mock cluster declared."""
    found = pytest.importorskip("confluent_kafka", reason="install confluent-kafka")
    folder = Path(found.__file__).parent.with_name("confluent_kafka.libs")
    paths = sorted(folder.glob("librdkafka*.so*"))
    if not paths:
        pytest.skip("there is no librdkafka beside confluent-kafka")
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
