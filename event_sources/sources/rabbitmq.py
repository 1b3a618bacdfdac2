"""RabbitMQ: a queue that workers share, by AMQP 0-9-1.

What is handed out and not acknowledged is the queue's again as soon as its connection is gone, in
its old place.  Acknowledged is what is done, in any order.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Unpack

from ..errors import Away, WrongSource
from ..message import Letter, Message
from ..source import Promises, Source
from .access import LooseAccess, LooseWords
from .buffer import Buffer
from .rabbitmq_hand import Hand
from .rabbitmq_wire import MAKES, Connection, Place, check, shown, with_user

# What a message is said to be, beside its headers.
_PROPERTIES = ("content_type", "content_encoding", "message_id", "correlation_id", "reply_to")
COUNT = "x-delivery-count"  # of quorum queues: how often it has come back
REMEMBERED = 10_000


class Raw(NamedTuple):
    """A message as it was handed out.

    connection, tag: by which it is acknowledged
    told, again:     its properties as AMQP has them, and whether it was handed out before
    """

    connection: int
    tag: int
    told: Any
    again: bool


class RabbitMQ(Source):
    """
    url:      "amqp://guest:guest@127.0.0.1:5672/", "amqps:" for TLS; its path is the virtual host
    queue:    its name; it must be there, unless `make` says what kind is made: "quorum", "classic"
    exchange: what the queue is bound to; a topic exchange is made with the queue
    binding:  with which routing keys: "order.*", or several
    prefetch: messages handed out to this worker and not acknowledged; a batch is no larger
    key:      the header that is a message's key; without one its routing key orders it
    user, password: where the address does not say them
    ca, cert, cert_key, verify: files for TLS, and whether the broker's certificate must be of `ca`,
              or of one that this machine trusts
    """

    kind: ClassVar[str] = "rabbitmq"
    promises: ClassVar[Promises] = Promises(
        redelivers=True,
        counts=True,
        ordered_by="routing key, or a header",
        across_workers=False,
        requeues=True,
        gives_back=True,
        dead_letters="queue",
        note="counted by quorum queues; a classic one says only that it is not the first time",
    )

    def __init__(
        self,
        url: str,
        *,
        queue: str,
        exchange: str = "",
        binding: str | Sequence[str] = "#",
        make: str = "",
        durable: bool = True,
        prefetch: int = 1000,
        key: str = "",
        **access: Unpack[LooseWords],
    ) -> None:
        check(url)
        if make not in MAKES:
            raise WrongSource(f'rabbitmq make={make!r} is none of "quorum", "classic"')
        if not 0 <= prefetch <= 65_535:
            raise WrongSource(f"rabbitmq prefetch={prefetch} is outside 0 to 65535")
        bound = [binding] if isinstance(binding, str) else list(binding)
        who = LooseAccess(**access)
        self.url, self.key, self.prefetch = with_user(url, who.user, who.password), key, prefetch
        self.place = Place(queue, exchange, bound, make, durable)
        self._tls = who.files
        if not url.startswith("amqps:"):
            self._tls.not_with("rabbitmq", shown(url))
        self._connection: Connection | None = None
        self._buffer, self._hand = Buffer(prefetch), Hand(REMEMBERED)
        self._gone: Away | None = None
        self._others: int | None = None  # who consume the queue besides; None: that is not known

    @property
    def _open(self) -> Connection:
        if self._connection is None:
            raise Away(f"{shown(self.url)}: there is no connection")
        return self._connection

    def stand_alone(self, name: str) -> None:
        self._others = 0

    async def open(self) -> None:
        await self.close()
        self._gone = None
        self._buffer.clear()  # it comes again
        self._hand.begin()
        connection = Connection(self.url, self._tls, self._heard, self._lost)
        self._others = await connection.open(self.place, self.prefetch, self._others)
        self._connection = connection

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    # -- receiving
    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        if self._gone is not None:  # what waits here comes again, to whom it may be
            raise self._gone
        return await self._buffer.take(most, seconds)

    def _lost(self, error: Away) -> None:
        self._gone = error
        self._buffer.fail(error)

    def _heard(self, raw: Any) -> None:
        told, given = raw.header.properties, raw.delivery
        headers = headers_of(told, given.exchange)
        key = headers.get(self.key, "") if self.key else ""
        topic = given.routing_key or ""
        content = (topic, given.exchange, told.message_id, len(raw.body), zlib.crc32(raw.body))
        id = self._hand.take(given.delivery_tag, content, again=given.redelivered)
        stamp = told.timestamp
        message = Message(
            id=id,
            body=raw.body,
            topic=topic,
            key=key,
            lane=f"{self.key}={key}" if key else topic,
            headers=headers,
            timestamp=None if stamp is None else stamp.timestamp(),
            attempt=_attempt(told.headers or {}, again=given.redelivered),
            raw=Raw(self._hand.connection, given.delivery_tag, told, bool(given.redelivered)),
        )
        self._buffer.add(message)

    # -- telling
    async def ack(self, messages: Sequence[Message]) -> None:
        """What an earlier connection brought is passed over: it is the queue's again."""
        await self._open.ack(self._hand.ack(self._tags(messages)))

    async def give_back(self, messages: Sequence[Message]) -> None:
        await self._open.give_back(self._hand.give_back(self._tags(messages)))

    def _tags(self, messages: Sequence[Message]) -> list[int]:
        return [each.raw.tag for each in messages if each.raw.connection == self._hand.connection]

    async def requeue(self, messages: Sequence[Message]) -> None:
        """`close` gives all back that is open, those that wait here unseen as well, each in its
        place: one by one they could overtake each other."""

    async def bury(self, letter: Letter, place: str) -> None:
        """To a queue that is there."""
        await self._open.publish(place, letter.message.body, letter.headers())


def headers_of(told: Any, exchange: str) -> dict[str, str]:
    """A message's headers as text, and with them what else it is said to be."""
    found = {name: _text(value) for name, value in (told.headers or {}).items()}
    for name in _PROPERTIES:
        if value := getattr(told, name):
            found.setdefault(name.replace("_", "-"), str(value))
    if told.message_type:
        found.setdefault("type", str(told.message_type))
    if exchange:
        found.setdefault("exchange", exchange)
    return found


def _text(value: Any) -> str:
    """A header's value; of lists and tables (x-death) as JSON."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _attempt(headers: Mapping[str, Any], *, again: bool) -> int:
    """
    >>> _attempt({"x-delivery-count": 3}, again=True), _attempt({}, again=True)
    (4, 2)
    """
    count = headers.get(COUNT)
    return int(count) + 1 if isinstance(count, int) else 1 + again
