"""A topic of Kafka that an app asks for: a queue between functions of a graph on Nuclio, or the
place of its dead letters.

It carries no word of whose it is, so it is made and never taken away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..errors import CannotPlan, Unreachable
from .base import Change, Resource

if TYPE_CHECKING:
    from ...serving_graph.brokers.kafka import KafkaBroker
    from ..targets.target import Target


@dataclass(frozen=True, kw_only=True)
class KafkaTopic(Resource):
    """A topic, by its broker's address and its own name: `kafka://127.0.0.1:9092/orders`."""

    kind: ClassVar[str] = "kafka_topic"
    platform: ClassVar[str] = "kafka"
    part: ClassVar[str] = "triggers"
    tagged: ClassVar[bool] = True  # as nobody's: so no deploy takes it away
    shared: ClassVar[bool] = True

    @property
    def broker(self) -> str:
        """The address of its servers."""
        return self.name.rpartition("/")[0]

    @property
    def topic(self) -> str:
        """What it is called there."""
        return self.name.rpartition("/")[2]

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is None:
            cause = self.causes.get("", "")
            yield Change(self.part, f"topic {self.topic}", None, "there", cause)

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        return "it stays when the app goes: Kafka keeps no word of whose a topic is"

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        broker, _, topic = name.rpartition("/")
        with _connected(broker) as connected:
            known = connected.topics()
        return cls(name=name) if topic in known else None

    def create(self, target: Target) -> None:
        with _connected(self.broker) as connected:
            connected.make([self.topic])


@contextmanager
def _connected(broker: str) -> Iterator[KafkaBroker]:
    from ...serving_graph.brokers.base import Away
    from ...serving_graph.brokers.kafka import KafkaBroker

    try:
        import confluent_kafka  # noqa: F401 - only whether it is there
    except ImportError:
        raise CannotPlan(
            f"the graph's queues are on {broker}, and confluent-kafka is not installed here: "
            "pip install 'pelton[kafka]'"
        ) from None
    try:
        yield KafkaBroker(broker)
    except Away as error:
        raise Unreachable(
            f"{error}; a deploy makes the graph's queues there, so it must reach the servers"
        ) from None
