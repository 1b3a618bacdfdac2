"""The queue between two functions of one graph on a broker that Nuclio's own triggers read."""

from __future__ import annotations

from typing import ClassVar

from .base import Trigger

CONSUMER = "work"  # the one consumer of a graph's queue, whoever reads it


class BrokerHandoff(Trigger):
    """A queue that a deploy makes, with its dead letters; its kind is Nuclio's word for it.

    queue:    the stream or topic
    broker:   the address of its server
    dead_letter: the queue of what is given up
    seconds:  within which an event is done, all its tries and pauses counted
    tries:    of an event, all within one call, because Nuclio's triggers hand out nothing again
              that their function has answered
    receives: how often it is handed out before the server itself gives it up, where it counts
    ordered:  the events of one key keep their order
    function: the function that takes from it; "" for none of ours
    """

    needs_body: ClassVar[bool] = True
    batches: ClassVar[bool] = True

    queue: str
    broker: str
    dead_letter: str = ""
    seconds: float = 30.0
    tries: int = 5
    receives: int = 25
    ordered: bool = False
    function: str = ""


class JetStreamHandoff(BrokerHandoff):
    """A stream of NATS JetStream at "nats://HOST:PORT", with the consumer `CONSUMER`."""

    kind: ClassVar[str] = "natsjetstream"


class KafkaHandoff(BrokerHandoff):
    """A topic of Kafka at "kafka://HOST:PORT,HOST:PORT", read by a group of its own."""

    kind: ClassVar[str] = "kafka-cluster"

    @property
    def servers(self) -> list[str]:
        """Addresses as Kafka's clients take them."""
        return self.broker.partition("://")[2].split(",")


def group_of(topic: str) -> str:
    """The consumer group of a graph's topic.

    >>> group_of("orders")
    'orders.work'
    """
    return f"{topic}.{CONSUMER}"
