"""Dead letters in a queue of RabbitMQ: those that a source has buried there, and those that the
broker itself has sent there by a dead letter exchange.

A letter is taken, and acknowledged when it was sent; what is not acknowledged has its old place in
the queue again when the connection ends, whoever ends it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar, Unpack

from ...errors import Away
from ...sources.access import LooseAccess, LooseWords
from ...sources.rabbitmq import COUNT, headers_of
from ...sources.rabbitmq_wire import Connection, as_away, check, shown, with_user
from ..kept import Kept, of_headers
from ..place import NotSent, Place, missing, origin

_ANSWER = 10.0  # seconds for the broker to confirm
# A quorum queue drops what has come back too often, 20 times if nobody says otherwise: before that,
# a letter is put there anew.
_OFTEN = 10
_BROKERS = ("x-death", "x-first-death-", "x-last-death-", COUNT)  # headers that are its own


class RabbitPlace(Place):
    """
    place: the queue
    url:   "amqp://127.0.0.1:5672/"
    user, password, ca, cert, cert_key, verify: as of the source
    """

    kind: ClassVar[str] = "rabbitmq"
    words: ClassVar[frozenset[str]] = frozenset({"url", *LooseWords.__annotations__})

    def __init__(self, place: str, *, url: str, **access: Unpack[LooseWords]) -> None:
        super().__init__()
        check(url)
        who = LooseAccess(**access)
        if not url.startswith("amqps:"):
            who.files.not_with("rabbitmq", shown(url))
        address = with_user(url, who.user, who.password)
        self.place, self._where = place, f"{shown(url)}: queue {place!r}"
        self._connection = Connection(address, who.files, lambda _: None, self._lost)
        self._gone: Away | None = None
        self._queue: Any = None
        self._sending: Any = None
        self._begun = 0.0
        self._held: dict[str, Any] = {}

    def _lost(self, error: Away) -> None:
        self._gone = error

    async def open(self) -> None:
        await self._connection.connect()
        if self.place:
            await self._find()

    async def _find(self) -> None:
        from aiormq.exceptions import ChannelNotFoundEntity

        channel = await self._connection.channel(publisher_confirms=False)
        with as_away(self._where):
            try:
                self._queue = await channel.get_queue(self.place, ensure=True)
            except ChannelNotFoundEntity:
                raise missing("queue", self.place) from None
        self._begun = time.time()

    async def letters(self) -> AsyncIterator[Kept]:
        # How many there are is told late by a quorum queue: so until there is none, or one that was
        # given up since we have begun, perhaps after it was sent again just now.
        for number in count():
            with as_away(self._where):
                found = await self._queue.get(fail=False, timeout=_ANSWER)
            if found is None:  # another has the rest
                return
            id = str(number)
            self._held[id] = found
            letter = _kept(id, found)
            if letter.at is not None and letter.at >= self._begun:
                return
            yield letter

    async def send(self, letter: Kept, to: str = "") -> None:
        """As it was published: to its exchange, with its routing key; else to a queue."""
        from aio_pika import DeliveryMode, Message
        from aio_pika.exceptions import DeliveryError, PublishError

        where = origin(letter, to)
        exchange = "" if to else letter.headers.get("exchange", "")
        said = {name: letter.headers.get(name.replace("_", "-")) for name in _PROPERTIES}
        message = Message(
            letter.body,
            headers=dict(letter.again),
            delivery_mode=DeliveryMode.PERSISTENT,
            type=letter.headers.get("type"),
            **said,  # type: ignore[arg-type]
        )
        with as_away(self._where):
            try:
                await self._publish(message, exchange, where)
            except (DeliveryError, PublishError) as error:
                what = (
                    f"exchange {exchange!r} has no queue for" if exchange else "there is no queue"
                )
                raise NotSent(f"{what} {where!r}, or it takes no more: {error}") from error

    async def _publish(self, message: Any, exchange: str, key: str) -> None:
        from aiormq.exceptions import ChannelNotFoundEntity

        if self._sending is None or self._sending.is_closed:
            self._sending = await self._connection.channel(on_return_raises=True)
        try:
            to = await self._sending.get_exchange(exchange, ensure=bool(exchange))
            await to.publish(message, key, mandatory=True, timeout=_ANSWER)
        except ChannelNotFoundEntity as error:
            raise NotSent(f"there is no exchange {exchange!r}") from error

    async def remove(self, letter: Kept) -> None:
        if self._gone is not None:
            raise self._gone
        with as_away(self._where):
            await self._held.pop(letter.id).ack()

    async def close(self) -> None:
        try:
            if self._gone is None and any(_often(each) for each in self._held.values()):
                await self._anew()
        finally:
            self._held.clear()
            await self._connection.close()

    async def _anew(self) -> None:
        """All of them, in their order; each is given up here when it is safe there."""
        from aio_pika import Message

        for each in self._held.values():
            headers = {name: each.headers[name] for name in each.headers if name != COUNT}
            with as_away(self._where):
                again = Message(each.body, **{**_properties(each), "headers": headers})
                await self._publish(again, "", self.place)
                await each.ack()


_PROPERTIES = ("content_type", "content_encoding", "message_id", "correlation_id", "reply_to")


def _properties(found: Any) -> dict[str, Any]:
    named = {name: getattr(found, name) for name in _PROPERTIES}
    return {**named, "delivery_mode": found.delivery_mode, "type": found.type}


def _often(found: Any) -> bool:
    count = found.headers.get(COUNT)
    return isinstance(count, int) and count >= _OFTEN


def _kept(id: str, found: Any) -> Kept:
    told = headers_of(found.properties, "")
    told.pop(COUNT, None)
    letter = of_headers(id, found.body, told)
    return letter if letter.reason or letter.topic else _of_broker(letter, found.headers)


def _of_broker(letter: Kept, headers: Mapping[str, Any]) -> Kept:
    """One that a dead letter exchange has brought: where it died first, it goes back to.

    Source: RabbitMQ's documentation, "Dead Letter Exchanges", "Effects on messages".
    """
    deaths = headers.get("x-death") or [{}]
    queue, at = letter.headers.get("x-first-death-queue", ""), deaths[-1].get("time")
    own = {name: value for name, value in letter.headers.items() if not name.startswith(_BROKERS)}
    return replace(
        letter,
        headers=own,
        topic=queue,
        source="rabbitmq" if queue else "",
        reason=letter.headers.get("x-first-death-reason", ""),
        at=at.timestamp() if hasattr(at, "timestamp") else None,
    )
