"""Dead letters in a topic of Kafka, which takes no single message away: a group of our own keeps
which were sent again (`offsets.py`), and up to the oldest that was not they are deleted at the end,
where the brokers allow that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

from ...errors import Away
from ...sources.access import LooseWords
from ...sources.kafka import Kafka
from ...sources.kafka_connection import ANSWER
from ...sources.kafka_connection import missing as no_topic
from ...sources.refusal import why
from ..kept import Kept, of_headers
from ..offsets import Done
from ..place import CannotRedrive, NotSent, Place, missing, origin

GROUP = "pelton-redrive"
_WAIT = 1.0  # seconds of one call that waits for messages


class KafkaPlace(Place):
    """
    place: the topic
    url:   "127.0.0.1:9092", several with commas
    group: who keeps which letters were sent again
    mechanism, tls, user, password, ca, cert, cert_key, verify: as of the source
    """

    kind: ClassVar[str] = "kafka"
    words: ClassVar[frozenset[str]] = frozenset(
        {"url", "group", "mechanism", "tls", *LooseWords.__annotations__}
    )

    def __init__(self, place: str, *, url: str, group: str = GROUP, **access: Any) -> None:
        super().__init__()
        self.place, self.group = place, group
        self._source = Kafka(url, topic=place, **access)
        self._where = f"{self._source.where}: topic {place!r}"
        self._consumer: Any = None
        self._producer: Any = None
        self._done: dict[int, Done] = {}
        self._ends: dict[int, int] = {}
        self._changed: set[int] = set()

    async def open(self) -> None:
        await asyncio.to_thread(self._open_now)

    def _open_now(self) -> None:
        from confluent_kafka import Producer

        settings = self._source.client_settings()
        with self._as_away():
            # What was said not to be there must not come there later, beside its next try.
            ends = {"message.timeout.ms": int(ANSWER * 1000)}
            self._producer = Producer({**settings, "acks": "all", "linger.ms": 0, **ends})
            if self.place:
                self._find(settings)

    def _find(self, settings: dict[str, Any]) -> None:
        """Its partitions, what of each was done, and where each ends now."""
        from confluent_kafka import Consumer, TopicPartition

        more = {"group.id": self.group, "enable.auto.commit": False, "enable.partition.eof": True}
        self._consumer = Consumer({**settings, **more, "auto.offset.reset": "earliest"})
        told = self._consumer.list_topics(self.place, timeout=ANSWER).topics[self.place]
        if told.error is not None:
            raise missing("topic", self.place)
        parts = [TopicPartition(self.place, each) for each in told.partitions]
        for each in self._consumer.committed(parts, timeout=ANSWER):
            low, high = self._consumer.get_watermark_offsets(each, timeout=ANSWER)
            position = max(low, each.offset)
            self._done[each.partition] = Done(position, each.metadata or "")
            if position < high:
                self._ends[each.partition] = high
        self._consumer.assign(
            [
                TopicPartition(self.place, part, self._done[part].position)
                for part in self._ends  # others have nothing
            ]
        )

    async def letters(self) -> AsyncIterator[Kept]:
        left = set(self._ends)
        while left:
            found = await asyncio.to_thread(self._take)
            if not found:
                await self._alive()
            for each in found:
                self._check(each)
                part, offset = each.partition(), each.offset()
                if part in left and each.error() is None and offset < self._ends[part]:
                    if letter := self._read(each, part, offset):
                        yield letter
                    offset += 1
                if part in left and offset >= self._ends[part]:
                    left.discard(part)

    def _take(self) -> list[Any]:
        with self._as_away():
            found: list[Any] = self._consumer.consume(100, _WAIT)
        return found

    async def _alive(self) -> None:
        """Raises `Away` where nobody answers: librdkafka just goes on trying."""

        def ask() -> None:
            with self._as_away():
                self._consumer.list_topics(self.place, timeout=ANSWER)

        await asyncio.to_thread(ask)

    def _check(self, found: Any) -> None:
        """Raises `Away` for what is neither a message nor the end of a partition."""
        from confluent_kafka import KafkaError, KafkaException

        error = found.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            with self._as_away():
                raise KafkaException(error)

    def _read(self, found: Any, part: int, offset: int) -> Kept | None:
        done = self._done[part]
        done.read(offset)
        if offset in done:
            return None
        if not done.fits(offset):
            raise CannotRedrive(
                f"{self._where}: which of a partition were sent again is kept in a text of 4,000 "
                f"characters, and too many lie between: first redrive those about offset "
                f"{done.position} of partition {part}, or all"
            )
        headers = {name: _text(value) for name, value in found.headers() or ()}
        return of_headers(f"{part}/{offset}", found.value() or b"", headers, found)

    async def send(self, letter: Kept, to: str = "") -> None:
        """Back to the partition that it was in: another client may place its key elsewhere."""
        where = origin(letter, to)
        part = letter.partition if letter.source == "kafka" and not to else -1
        own = letter.raw.key() if self._consumer is not None else None
        await asyncio.to_thread(self._send, letter, where, part, own or letter.key or None)

    def _send(self, letter: Kept, where: str, part: int, key: Any) -> None:
        answers: list[Any] = []
        headers = [(name, value.encode()) for name, value in letter.again.items()]
        with self._as_away():
            self._producer.produce(
                where,
                letter.body,
                key,
                part,
                headers=headers,
                on_delivery=lambda error, _: answers.append(error),
            )
            self._producer.flush(ANSWER * 1.5)
            if answers and answers[0] is None:
                return
            # Raises where no broker answers; a message's own error may be that it took too long.
            said = no_topic(self._producer, where)
        if not answers:
            raise Away(f"{self._source.where}: no broker answers")
        raise NotSent(f"topic {where!r}: {said or answers[0].str()}")

    async def remove(self, letter: Kept) -> None:
        part, offset = letter.raw.partition(), letter.raw.offset()
        self._done[part].add(offset)
        self._changed.add(part)
        await asyncio.to_thread(self._commit, part)

    def _commit(self, part: int) -> None:
        from confluent_kafka import TopicPartition

        place = TopicPartition(self.place, part, *self._done[part].said)
        with self._as_away():
            self._consumer.commit(offsets=[place], asynchronous=False)

    async def close(self) -> None:
        consumer, self._consumer, self._producer = self._consumer, None, None
        if consumer is not None:
            await asyncio.to_thread(self._end, consumer)

    def _end(self, consumer: Any) -> None:
        if self._changed and not self._deleted():
            self.notes.append(
                f"what was sent again stays in topic {self.place!r}, for the brokers do not let it "
                f"be deleted: group {self.group!r} keeps which it was, as long as they keep groups"
            )
        consumer.close()

    def _deleted(self) -> bool:
        """Delete what lies before the oldest that was not sent: groups that are not used end."""
        from confluent_kafka import KafkaException, TopicPartition
        from confluent_kafka.admin import AdminClient

        ends = [
            TopicPartition(self.place, part, self._done[part].position) for part in self._changed
        ]
        try:
            admin = AdminClient(self._source.client_settings())
            for each in admin.delete_records(ends, request_timeout=ANSWER).values():
                each.result(ANSWER)
        except (KafkaException, TimeoutError, Away):
            return False
        return True

    @contextlib.contextmanager
    def _as_away(self) -> Iterator[None]:
        from confluent_kafka import KafkaException

        try:
            yield
        except (KafkaException, BufferError) as error:
            said = error.args[0].str() if isinstance(error, KafkaException) else str(error)
            told = why(said, tls=self._source.tls, early=True)
            raise Away(f"{self._where}: {told}") from error


def _text(value: bytes | str | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
