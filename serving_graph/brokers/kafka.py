"""Kafka: a topic for every queue, one group of consumers each; keys keep their order in partitions.

A message counts as sent when all replicas in step have it.  confluent-kafka is imported when the
broker is opened or first speaks.  What a topic does not remember of single messages is kept by
`kafka_reader` while a process lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..message import Message
from ..steps.queue import Address
from .base import Away, Broker, NoSuchQueue, NotSent, Received, dead, read

PARTITIONS = 8  # of a topic that is made here
_ANSWER = 10.0  # seconds that brokers may take to answer


class KafkaBroker:
    """See the module.  url: "kafka://127.0.0.1:9092", several addresses with commas."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.settings = {
            "bootstrap.servers": url.partition("://")[2],
            "log_level": 2,  # each call says for itself what became of it
        }
        self._producer: Any = None
        self._readers: dict[str, Any] = {}
        self._known: set[str] = set()

    def __repr__(self) -> str:
        return f"<broker {self.url}>"

    def open(self) -> None:
        if self._producer is None:
            from confluent_kafka import Producer

            # Idempotent: what is sent again by the client overtakes nothing, and is there once.
            more = {"enable.idempotence": True, "message.timeout.ms": int(_ANSWER * 1000)}
            self._producer = Producer({**self.settings, **more})

    def prepare(self, queues: Sequence[Address]) -> None:
        self.make([name for each in queues for name in (dead(each).name, each.name)])

    def make(self, names: Sequence[str]) -> None:
        """Make the topics that are not there."""
        there = self.topics()
        missing = [name for name in dict.fromkeys(names) if name not in there]
        if not missing:
            return
        from confluent_kafka import KafkaError, KafkaException, admin

        made: Any = admin  # its types do not export what is made
        client = made.AdminClient(self.settings)  # its answers end with it
        wanted = [made.NewTopic(name, PARTITIONS, -1) for name in missing]
        for name, each in client.create_topics(wanted).items():
            try:
                each.result(_ANSWER)
            except TimeoutError:
                raise Away(f"{self.url} does not say that it made topic {name!r}") from None
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise Away(f"{self.url} does not make topic {name!r}: {error}") from error

    def topics(self) -> set[str]:
        """The names of those that are there."""
        from confluent_kafka import admin

        made: Any = admin
        with self._away():
            told = made.AdminClient(self.settings).list_topics(timeout=_ANSWER)
        return set(told.topics)

    def send(self, queue: Address, messages: Sequence[Message]) -> list[str | NotSent]:
        self.open()
        self._find(queue)
        sent: list[Any] = [None] * len(messages)
        for place, each in enumerate(messages):
            self._produce(queue, each, sent, place)
        self._producer.flush(_ANSWER)
        return _in_order(queue, messages, [_told(queue, each) for each in sent])

    def _find(self, queue: Address) -> None:
        """Raise for a topic that is not there: servers make one of whatever is sent to."""
        if queue.name not in self._known:
            self._known = self.topics()
        if queue.name not in self._known:
            raise _missing(queue)

    def _produce(self, queue: Address, message: Message, sent: list[Any], place: int) -> None:
        from confluent_kafka import KafkaException

        def answered(error: Any, kept: Any) -> None:
            sent[place] = error or kept

        key = message.group or message.idempotency_key
        try:
            self._producer.produce(
                queue.name, message.text().encode(), key.encode(), on_delivery=answered
            )
        except (KafkaException, BufferError) as error:
            sent[place] = error.args[0] if isinstance(error, KafkaException) else error

    def receive(self, queue: Address, most: int, wait: float) -> list[Received]:
        found = []
        with self._away():
            taken = self._reader(queue).take(most, wait)
        for record, handle in taken:
            name = f"{queue.name}/{handle[0]}/{handle[1]}"
            if one := read(self, queue, record.data, name, record.tries, handle):
                found.append(one)
        return found

    def done(self, queue: Address, received: Sequence[Received]) -> None:
        with self._away():
            self._reader(queue).done([each.handle for each in received])

    def later(self, queue: Address, received: Received, seconds: float) -> None:
        self._reader(queue).later(received.handle, seconds)

    def close(self) -> None:
        for each in self._readers.values():
            each.close()
        self._readers.clear()
        self._producer = None

    def _reader(self, queue: Address) -> Any:
        if queue.name not in self._readers:
            from .kafka_reader import Reader

            self._find(queue)
            self._readers[queue.name] = Reader(self.settings, queue)
        return self._readers[queue.name]

    @contextmanager
    def _away(self) -> Iterator[None]:
        from confluent_kafka import KafkaException

        try:
            yield
        except KafkaException as error:
            raise Away(f"{self.url}: {error.args[0].str()}") from error


def _told(queue: Address, said: Any) -> str | NotSent:
    """What became of one: its place, or why it has none.  Raises `NoSuchQueue`."""
    from confluent_kafka import KafkaError

    if hasattr(said, "offset"):
        return f"{queue.name}/{said.partition()}/{said.offset()}"
    if not isinstance(said, KafkaError):
        return NotSent(f"queue {queue.name!r} did not take the message: {said or 'no answer'}")
    if said.code() in (KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART):
        raise _missing(queue)
    never = said.code() == KafkaError.MSG_SIZE_TOO_LARGE
    return NotSent(f"queue {queue.name!r} did not take the message: {said.str()}", never=never)


def _in_order(
    queue: Address, messages: Sequence[Message], told: list[str | NotSent]
) -> list[str | NotSent]:
    """Of one key, nothing counts as sent behind what was not: it comes again, after that."""
    if not queue.ordered:
        return told
    failed, found = set[str](), list[str | NotSent]()
    for message, each in zip(messages, told, strict=True):
        if isinstance(each, str) and message.group in failed:
            each = NotSent(f"queue {queue.name!r} did not take what is before the message")
        if isinstance(each, NotSent):
            failed.add(message.group)
        found.append(each)
    return found


def _missing(queue: Address) -> NoSuchQueue:
    return NoSuchQueue(f"there is no topic {queue.name!r} that a graph's function takes from")


def at(url: str) -> Broker:
    return KafkaBroker(url)
