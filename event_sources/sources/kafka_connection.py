"""One connection to Kafka: a thread that reads, keeps our place in the group however slow handlers
are, and hears of rebalances; and what the event loop asks of it.

librdkafka connects again by itself, without a word; here a broker that is gone ends the connection,
so that whoever waits is told.  What is in hand is `kafka_hand`'s matter.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import Away
from ..message import Lost, Message
from .kafka_hand import Hand
from .kafka_message import KafkaMessage, Part
from .refusal import why

IDLE, BUSY = 0.2, 0.02  # seconds that the thread waits for messages; BUSY while there is to commit
FULL = 1.0  # seconds that it asks for nothing while enough wait here
SOON = 0.002  # seconds between two looks for the answer to a commit meanwhile
CHUNK = 200  # messages read at one time: the two threads change places as often
ANSWER = 10.0  # seconds for a broker to answer
FIRST_CONTACT = (0.2, 0.5, 1.0, 2.0, 4.0)  # seconds that each asking for a topic may take

Commit = tuple[str, int, int]


class Connection:
    """
    settings: of librdkafka;  where: its brokers, as errors say it
    topics:   what is read;  made: messages of librdkafka's, as ours
    settle:   seconds that a rebalance waits for what is in hand of a partition that goes
    before:   the partitions that were ours on the last connection
    tls:      whether TLS is asked for
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        where: str,
        topics: Sequence[str],
        made: Callable[[Sequence[Any]], list[KafkaMessage]],
        settle: float,
        before: set[Part],
        tls: bool,
    ) -> None:
        self.hand = Hand(2 * CHUNK, before)
        self._settings, self._where, self._topics = settings, where, topics
        self._tls, self._early = tls, True
        self._made, self._settle = made, settle
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        # Whoever waited may be gone by then: nobody else is to be told.
        self._opened.add_done_callback(lambda told: told.cancelled() or told.exception())
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._arrived, self._settling = asyncio.Event(), asyncio.Event()
        self._committed: asyncio.Future[None] | None = None
        self._closing = self._paused = self._wanted = self._asked = False
        self._gone = self._why = ""
        self._thread = threading.Thread(target=self._run, name=f"kafka {where}", daemon=True)
        self._consumer: Any = None

    # -- the event loop's side
    async def open(self) -> None:
        """Connected, and the topics are there; raises `Away`."""
        self._thread.start()
        await asyncio.shield(self._opened)

    async def receive(self, most: int, seconds: float) -> Sequence[Message | Lost]:
        """Up to `most`; none after `seconds`.  Raises `Away` once the broker is gone."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := self.hand.give(most)):
                    self._check()
                    self._arrived.clear()
                    if not self._gone and not self.hand.any_waiting:
                        await self._arrived.wait()
        except TimeoutError:
            return []
        return found

    async def commit(self, messages: Sequence[Message]) -> None:
        """They are done; back when the broker knows how far we are."""
        self.hand.done(messages)
        if not self.hand.commits() or self._settling.is_set():
            return  # the rebalance itself commits, once all is done
        self._check()
        self._committed = self._loop.create_future()
        self._wanted = True
        self.hand.stir()
        try:
            async with asyncio.timeout(ANSWER):
                await self._committed
        except TimeoutError:
            raise Away(f"{self._where} does not answer to a commit") from None
        finally:
            self._committed = None
        self._check()

    async def close(self) -> None:
        """Leave the group and disconnect."""
        self._closing = True
        self._say_gone("the connection was closed")
        self.hand.stir()
        if self._thread.ident is not None:
            await asyncio.shield(self._ended)

    def _check(self) -> None:
        if self._gone:
            raise self._away(self._gone)

    def _away(self, said: str) -> Away:
        return Away(f"{self._where}: {why(said, tls=self._tls, early=self._early)}")

    # -- the thread's side
    def _run(self) -> None:
        try:
            self._connect()
            self._early = False
            self._tell(self._opened)
            while not self._closing:
                self._turn()
            self._ask(self.hand.commits())
        except Exception as error:
            # Whatever ends the thread is told to who waits for it.
            told = _said(error)
            self._say_gone(told)
            if not isinstance(error, Away):
                error = self._away(told)
            self._tell(self._opened, error)
        finally:
            if self._consumer is not None:
                self._closing = True
                self._consumer.close()
            self._tell(self._ended)

    def _connect(self) -> None:
        from confluent_kafka import Consumer

        calls = {"error_cb": self._failed, "on_commit": self._answered}
        self._consumer = Consumer({**self._settings, **calls})
        for topic in self._topics:
            self._find(topic)
        self._consumer.subscribe(
            list(self._topics),
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._lost,
        )

    def _find(self, topic: str) -> None:
        """Raises `Away` where it is not, and where no broker is."""
        from confluent_kafka import KafkaException

        for seconds in FIRST_CONTACT:
            try:
                found = self._consumer.list_topics(topic, timeout=seconds).topics[topic]
            except KafkaException as error:
                self._consumer.poll(0)  # the reason, if there is one
                reason = self._gone or str(error.args[0].str())
                if self._gone or self._closing:
                    break
                continue
            if found.error is not None:
                raise Away(f"{self._where}: topic {topic!r}: {_no_topic(found.error)}")
            return
        raise self._away(reason)

    def _turn(self) -> None:
        # Only this thread talks to librdkafka: a commit of another one can wait for this for ever.
        if self._wanted:
            self._wanted, self._asked = False, True
            self._ask(self.hand.commits())
        if self._paused and self.hand.low:
            self._pause(False)
        if not self.hand.full or (self._asked and self._paused) or self._waits():
            self._read(1 if self.hand.full else CHUNK)

    def _waits(self) -> bool:
        """Enough wait here: whether it is time to ask all the same, and then for one.

        Who does not ask hears of no rebalance and no answer.  To pause is the last resort: what
        was read ahead is thrown away then, and fetched again.
        """
        hand = self.hand
        asked, seconds = self._asked, SOON if self._asked else IDLE if self._paused else FULL
        stirred = hand.wait_until(
            lambda: (
                self._closing
                or (self._wanted and not asked)
                or (hand.low if self._paused else not hand.full)
            ),
            seconds,
        )
        if hand.overfull:
            self._pause(True)
        return not stirred

    def _read(self, most: int) -> None:
        # One call for many: each waits for the other thread, and calls back as `poll` does.
        if not (found := self._consumer.consume(most, 0)):
            first = self._consumer.poll(BUSY if self.hand.any_out else IDLE)
            found = [] if first is None else [first]
        if good := [each for each in found if (e := each.error()) is None or not self._fails(e)]:
            self.hand.read(self._made(good))
            self._ring()

    def _pause(self, on: bool) -> None:
        """Read nothing, but keep asking: who does not ask loses its place in the group."""
        if on != self._paused:
            parts = self._consumer.assignment()
            (self._consumer.pause if on else self._consumer.resume)(parts)
            self._paused = on

    def _ask(self, commits: Sequence[Commit]) -> None:
        from confluent_kafka import KafkaException, TopicPartition

        if not commits:
            self._asked = False
            return self._call(self._release)
        offsets = [TopicPartition(*each) for each in commits]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            raise Away(f"{self._where}: {error.args[0].str()}") from error

    # -- what librdkafka calls, in the thread
    def _failed(self, error: Any) -> None:
        """A broker is not there, or refuses us.  That all are gone is said last, without a why."""
        from confluent_kafka import KafkaError

        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._say_gone(self._why or error.str())
        elif error.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL) or error.fatal():
            self._say_gone(error.str())
        else:
            self._why = error.str()

    def _fails(self, error: Any) -> bool:
        """In the place of a message: a topic that is gone, a right that we have not."""
        from confluent_kafka import KafkaError

        if error.code() != KafkaError._PARTITION_EOF:
            self._say_gone(error.str())
        return True

    def _assigned(self, consumer: Any, parts: Sequence[Any]) -> None:
        self.hand.assigned({(each.topic, each.partition) for each in parts})
        self._paused = False
        self._ring()

    def _revoked(self, consumer: Any, parts: Sequence[Any]) -> None:
        gone = {(each.topic, each.partition) for each in parts}
        if not self._closing:
            self._call(self._settle_begins)
            self.hand.settle(gone, self._settle)
            self._ask(self.hand.commits())
            self._call(self._settling.clear)
        self._lost(consumer, parts)

    def _lost(self, consumer: Any, parts: Sequence[Any]) -> None:
        self.hand.lose({(each.topic, each.partition) for each in parts})
        self._ring()

    def _answered(self, error: Any, parts: Sequence[Any]) -> None:
        """A commit's answer.  One that a rebalance has refused is made again with the next."""
        self._asked = False
        if error is None:
            self.hand.committed((each.topic, each.partition, each.offset) for each in parts)
        self._call(self._release)

    # -- from the thread to the event loop
    def _settle_begins(self) -> None:
        self._settling.set()
        self._release()

    def _release(self) -> None:
        if self._committed is not None and not self._committed.done():
            self._committed.set_result(None)

    def _say_gone(self, why: str) -> None:
        if not self._gone:
            self._gone = why
            self._ring()
            self._call(self._release)

    def _ring(self) -> None:
        self._call(self._arrived.set)

    def _tell(self, future: asyncio.Future[None], error: Exception | None = None) -> None:
        def tell() -> None:
            if future.done():
                return
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        self._call(tell)

    def _call(self, what: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:
            self._closing = True  # the loop is closed: nobody waits any more


def _said(error: Exception) -> str:
    """librdkafka's sentence, where it is one of its errors."""
    inner = error.args[0] if error.args else error
    return str(inner.str()) if hasattr(inner, "str") else str(error)


def missing(client: Any, topic: str) -> str:
    """Why a topic cannot be written to, as the brokers say it; "" where it is there.

    Raises KafkaException when no broker answers.
    """
    error = client.list_topics(topic, timeout=FIRST_CONTACT[-1]).topics[topic].error
    return "" if error is None else _no_topic(error)


def _no_topic(error: Any) -> str:
    from confluent_kafka import KafkaError

    there = error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART
    return str(error.str()) + ("" if there else "; make it there, or name another")
