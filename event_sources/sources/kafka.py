"""Kafka: a member of a consumer group reads topics, and commits, a partition, no further than the
oldest that is not done.  Other members come and go; what is theirs is left to them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Unpack

from ..errors import Away, WrongSource
from ..message import Letter, Lost, Message
from ..source import Promises, Source
from .access import LooseAccess, LooseWords
from .kafka_connection import ANSWER, Connection, missing
from .kafka_message import Part, maker
from .tls import Tls

STARTS = {"all": "earliest", "new": "latest"}
ORDERS = ("key", "partition")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


class Kafka(Source):
    """
    brokers: "127.0.0.1:9092", several with commas
    topic:   its name, or the names of several
    group:   of consumers, which share the partitions
    start:   where a group without a place in a partition begins: "all", "new"
    user, password, mechanism: of SASL ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"); without a user
             there is none.  Others, with what they need, by `options`
    tls:     speak TLS, which naming one of the files asks for, too
    ca:      file of the authorities that are believed; "" for the machine's
    cert, cert_key: files of our own certificate and its key, where the brokers ask for one
    verify:  whether the brokers' certificates must be by one of them, and for their names
    session: seconds without a heartbeat after which others take our partitions
    settle:  seconds that a rebalance waits for what is in hand of a partition that goes
    order:   "key": those of one key one after the other, and without a key those of one partition;
             "partition": those of one partition
    options: settings of librdkafka, which come last: {"client.rack": "a"}
    """

    kind: ClassVar[str] = "kafka"
    promises: ClassVar[Promises] = Promises(
        redelivers=True,
        counts=False,
        ordered_by="key, else partition",
        across_workers=True,
        extends=True,
        requeues=True,
        dead_letters="topic",
        note="one number a partition is committed: after a kill, what was done behind the oldest "
        "that was not comes again",
    )

    def __init__(
        self,
        brokers: str,
        *,
        topic: str | Sequence[str],
        group: str = "pelton",
        start: str = "all",
        mechanism: str = "PLAIN",
        tls: bool = False,
        session: float = 45.0,
        settle: float = 5.0,
        order: str = "key",
        options: Mapping[str, Any] | None = None,
        **access: Unpack[LooseWords],
    ) -> None:
        if "://" in brokers:  # of another server's address, in which there may be a password
            raise WrongSource('kafka: brokers are written as "HOST:9092", several with commas')
        if start not in STARTS:
            raise WrongSource(f"kafka: start={start!r} is none of {', '.join(STARTS)}")
        if order not in ORDERS:
            raise WrongSource(f"kafka: order={order!r} is none of {', '.join(ORDERS)}")
        if mechanism not in MECHANISMS:
            raise WrongSource(f"kafka: mechanism={mechanism!r} is none of {', '.join(MECHANISMS)}")
        self.brokers, self.group, self.start, self.settle = brokers, group, start, settle
        self.topics = (topic,) if isinstance(topic, str) else tuple(topic)
        self.where = f"kafka at {brokers}"
        who = LooseAccess(**access)
        self._tls = who.files
        self.tls = tls or bool(self._tls)
        self._made = maker(order == "key", len(self.topics) == 1)
        self._client = {
            "bootstrap.servers": brokers,
            "log_level": 2,  # what it would print is in the status
            **_security(who, mechanism, self._tls if self.tls else None),
        }
        self._reader = {
            "group.id": group,
            "auto.offset.reset": STARTS[start],
            "enable.auto.commit": False,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": int(session * 1000),
            "heartbeat.interval.ms": max(100, int(session * 1000 / 15)),
            "max.poll.interval.ms": max(300_000, int(session * 1000)),
        }
        self._options = dict(options or {})
        self._connection: Connection | None = None
        self._before: set[Part] = set()
        self._producer: Any = None

    def client_settings(self) -> dict[str, Any]:
        """How any client of librdkafka comes to the brokers as this source does.  Raises `Away`
        for a file that is not there."""
        self._tls.look()
        return {**self._client, **self._options}

    @property
    def _open(self) -> Connection:
        if self._connection is None:
            raise Away(f"{self.where}: there is no connection")
        return self._connection

    async def open(self) -> None:
        self._tls.look()
        settings = {**self._client, **self._reader, **self._options}
        self._connection = Connection(
            settings, self.where, self.topics, self._made, self.settle, self._before, self.tls
        )
        await self._connection.open()

    async def receive(self, most: int, seconds: float) -> Sequence[Message | Lost]:
        return await self._open.receive(most, seconds)

    async def ack(self, messages: Sequence[Message]) -> None:
        await self._open.commit(messages)

    async def bury(self, letter: Letter, place: str) -> None:
        await asyncio.to_thread(self._send, letter, place)

    async def close(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            self._before = connection.hand.owned
            await connection.close()

    def _send(self, letter: Letter, place: str) -> None:
        """To another topic, with its key; back when all replicas that are in step have it."""
        from confluent_kafka import KafkaException, Producer

        failed: list[Any] = []
        said = "no answer"
        try:
            if self._producer is None:
                # What was said not to be there must not come there later, beside its next try.
                ends = {"message.timeout.ms": int(ANSWER * 1000)}
                self._producer = Producer({**self._client, "acks": "all", **ends})
            self._producer.produce(
                place,
                letter.message.body,
                letter.message.raw,
                headers=[(name, value.encode()) for name, value in letter.headers().items()],
                on_delivery=lambda error, _: failed.append(error),
            )
            self._producer.flush(ANSWER * 1.5)
            if failed and failed[0] is None:  # to compare an error of theirs is an error
                return
            # Of a topic that is not there, a message's own error may be that it took too long.
            said = missing(self._producer, place) or (failed[0].str() if failed else said)
        except KafkaException as error:
            said = str(error.args[0].str())
        except BufferError as error:
            said = str(error)
        raise Away(f"{self.where}: topic {place!r}: {said}")


def _security(who: LooseAccess, mechanism: str, tls: Tls | None) -> dict[str, str]:
    protocol = ("sasl_" if who.user else "") + ("plaintext" if tls is None else "ssl")
    files = tls or Tls()
    said = {
        "security.protocol": protocol,
        "sasl.mechanisms": mechanism if who.user else "",
        "sasl.username": who.user,
        "sasl.password": who.password,
        "ssl.ca.location": files.ca,
        "ssl.certificate.location": files.cert,
        "ssl.key.location": files.key,
    }
    if tls is not None and not tls.verify:
        said["enable.ssl.certificate.verification"] = "false"
        said["ssl.endpoint.identification.algorithm"] = "none"
    return {name: value for name, value in said.items() if value}
