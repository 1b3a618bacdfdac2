"""Kafka: the messages of topics, shared by the members of a consumer group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from ..checks import one_of, placed
from ..errors import WrongUse
from .from_broker import named
from .guarded import Guarded, GuardedWords

STARTS = ("all", "new")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


class Kafka(Guarded):
    """See `kafka`."""

    kind: ClassVar[str] = "kafka"

    topic: str = ""
    brokers: str = ""
    group: str = ""
    start: str = "all"
    mechanism: str = "PLAIN"
    tls: bool = False
    native: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        named("kafka", topic=self.topic, brokers=self.brokers, group=self.group)
        one_of("kafka mechanism", self.mechanism, MECHANISMS)
        if self.start not in STARTS:
            raise WrongUse(f"kafka start={self.start!r} is none of {', '.join(STARTS)}")
        if self.native:
            self.check_native("attempts", "max_age", "backoff", "batch", reads="topic")

    @property
    def name(self) -> str:
        return self.topic

    @property
    def topics(self) -> list[str]:
        """Their names."""
        return [each.strip() for each in self.topic.split(",") if each.strip()]

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        said = {
            "brokers": self.brokers,
            "topic": self.topics,
            "group": self.group,
            "start": self.start,
            "mechanism": self.mechanism,
            "tls": self.tls,
            **self.access,
        }
        return "kafka", said


@placed
def kafka(
    topic: str,
    *,
    brokers: str,
    group: str = "pelton",
    start: str = "all",
    mechanism: str = "PLAIN",
    tls: bool = False,
    native: bool = False,
    **words: Unpack[GuardedWords],
) -> Kafka:
    """Run the function for the messages of a Kafka topic, or of several with commas.

    brokers: "127.0.0.1:9092", several with commas
    group:   of consumers, which share the partitions
    start:   where a group without a place begins: "all", "new"
    user, password, mechanism, tls: what the brokers ask for; password may be a `secret`
    ca, cert, cert_key: files where the bridge runs, which ask for TLS
    native:  on Nuclio, let its own Kafka trigger read: within a partition in order, one a call, and
             what fails is not tried again
    batch, window, attempts, dead_letter, workers, max_age, backoff: of the delivery, see the
             how-to on event sources

    Messages of one key keep their order; without a key, those of one partition do.

    >>> kafka("orders, returns", brokers="127.0.0.1:9092").topics
    ['orders', 'returns']
    """
    return Kafka(
        topic=topic,
        brokers=brokers,
        group=group,
        start=start,
        mechanism=mechanism,
        tls=tls,
        native=native,
        **words,
    )
