"""NATS JetStream: a durable pull consumer of a stream; each subject is a lane of its own.

The server keeps what was not acknowledged and hands it out again when its lease is over, to whoever
pulls from the same consumer.  nats-py's own reconnecting is off: the delivery opens the source
again, so that its state says what is the case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..errors import Away
from ..message import Letter, Message
from ..source import Promises, Source
from .nats_access import NatsOptions
from .nats_pull import Pull
from .nats_wire import Connection, as_away, headers_of, shown, without_conditions


class JetStream(Source):
    """
    url:     "nats://127.0.0.1:4222"; several, separated by commas
    stream:  its name; "" for the one that has `subject`
    subject: which messages of it; "" for all, "orders.*" for some
    durable: the consumer's name: all who share it share the messages
    make:    it is made when it is not there; False: it must be there, and is taken as it is
    start:   where a consumer that is made begins: "all", "new"
    lease:   seconds in which the server waits for an acknowledgement
    alone:   there is no other worker of this consumer: order then holds over a kill and a cut
             connection as well, because what nobody holds any more is waited for, a lease long
    key:     the header that is a message's key; without one its subject orders it
    options: see `NatsOptions`: user, password, token, credentials, ca, cert, cert_key
    """

    kind: ClassVar[str] = "jetstream"
    lease: float
    promises: ClassVar[Promises] = Promises(
        redelivers=True,
        counts=True,
        ordered_by="subject, or a header",
        across_workers=False,
        extends=True,
        requeues=True,
        gives_back=True,
        dead_letters="subject of a stream",
        note="several workers of one consumer share its messages without regard to keys",
    )

    def __init__(
        self,
        url: str,
        *,
        stream: str = "",
        subject: str = "",
        durable: str = "pelton",
        make: bool = True,
        start: str = "all",
        lease: float = 30.0,
        alone: bool = False,
        key: str = "",
        options: NatsOptions | Mapping[str, Any] | None = None,
    ) -> None:
        self.url, self.stream, self.subject, self.durable = url, stream, subject, durable
        self.make, self.start, self.lease, self.alone, self.key = make, start, lease, alone, key
        self._connection = Connection(url, options)
        self._jetstream: Any = None
        self._pull: Pull
        self._out: set[str] = set()  # what we were given and have not acknowledged
        self._not_before = 0.0

    def stand_alone(self, name: str) -> None:
        self.alone = True

    async def open(self) -> None:
        await self._connection.open()
        with as_away(self.url, f"stream {self.stream or self.subject!r}"):
            self._jetstream = self._connection.client.jetstream(timeout=5.0)
            stream = await self._found()
            told = await self._consumer(stream)
            if self.alone and (told.num_ack_pending or 0) > len(self._out):
                # The server hands out again what is overdue before what is new.
                self._not_before = asyncio.get_running_loop().time() + self.lease * 1.1
            self._pull = Pull(self._connection.client, stream, self.durable)
            await self._pull.open()

    async def _found(self) -> str:
        """The stream's name.  Raises `Away` where there is none."""
        from nats.js.errors import NotFoundError

        try:
            stream = self.stream or await self._jetstream.find_stream_name_by_subject(self.subject)
            await self._jetstream.stream_info(stream)  # one that is missing would be waited for
        except NotFoundError:
            what = f"called {self.stream!r}" if self.stream else f"that keeps {self.subject!r}"
            raise Away(
                f"{shown(self.url)}: there is no stream {what}: make one, with its subjects "
                "(it is looked for again meanwhile)"
            ) from None
        return str(stream)

    async def _consumer(self, stream: str) -> Any:
        """What the server says of the consumer, which is there then."""
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        if not self.make:
            told = await self._jetstream.consumer_info(stream, self.durable)
            self.lease = told.config.ack_wait or self.lease
            return told
        wanted = ConsumerConfig(
            durable_name=self.durable,
            filter_subject=self.subject or None,
            deliver_policy=DeliverPolicy.NEW if self.start == "new" else DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self.lease,
            max_deliver=-1,  # the delivery counts, and gives up
            max_ack_pending=-1,  # and holds no more than it may
        )
        return await self._jetstream.add_consumer(stream, wanted)

    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        wait = self._not_before - asyncio.get_running_loop().time()
        with as_away(self.url):
            if wait > 0:
                await self._connection.alive(asyncio.sleep(min(wait, seconds)))
                return []
            found = await self._connection.alive(self._pull.take(most, max(seconds, 0.05)))
        messages = [self._message(each) for each in found]
        self._out.update(each.id for each in messages)
        return messages

    def _message(self, raw: Any) -> Message:
        told = raw.metadata
        headers = headers_of(raw)
        key = headers.get(self.key, "") if self.key else ""
        number = str(told.sequence.stream)
        return Message(
            id=f"{told.stream}:{number}",
            body=raw.data,
            topic=raw.subject,
            key=key,
            lane=f"{self.key}={key}" if key else raw.subject,
            headers=headers,
            position=number,
            timestamp=told.timestamp.timestamp(),
            attempt=told.num_delivered,
            raw=raw.reply,
        )

    async def ack(self, messages: Sequence[Message]) -> None:
        self._out.difference_update(each.id for each in messages)
        await self._answer(messages, b"+ACK")

    async def requeue(self, messages: Sequence[Message]) -> None:
        self._out.difference_update(each.id for each in messages)
        with as_away(self.url):  # what a standing request would bring is not wanted either
            left = [self._message(each) for each in await self._pull.end()]
            await self._answer([*messages, *left], b"-NAK")
            await self._connection.flush()

    async def give_back(self, messages: Sequence[Message]) -> None:
        self._out.difference_update(each.id for each in messages)
        await self._answer(messages, b"-NAK")

    async def extend(self, messages: Sequence[Message]) -> None:
        await self._answer(messages, b"+WPI")

    async def _answer(self, messages: Sequence[Message], word: bytes) -> None:
        """By any connection: the server knows a delivery by the subject that answers it.

        Source: NATS by Example, "Acknowledgement types"; nats.docs, JetStream consumers.
        """
        with as_away(self.url):
            for each in messages:
                await self._connection.client.publish(each.raw, word)

    async def bury(self, letter: Letter, place: str) -> None:
        body = letter.message.body
        headers = {
            **without_conditions(letter.headers()),
            "Nats-Msg-Id": f"dead:{letter.message.id}",
        }
        self._connection.check_size(body, headers)
        with as_away(self.url, f"no stream takes dead letters for {place!r}"):
            await self._jetstream.publish(place, body, headers=headers)

    async def close(self) -> None:
        self._jetstream = None
        await self._connection.close()
