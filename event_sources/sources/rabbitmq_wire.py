"""A connection to RabbitMQ by aio-pika, that does not hide that it is gone.

It knows AMQP 0-9-1, and nothing of deliveries: `heard` is called with each message as it came.
aio-pika's own reconnecting is not used: the delivery opens the source again, with a new connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ..errors import Away, WrongSource
from .refusal import why
from .tls import Tls

_ANSWER = 10.0  # seconds for a broker to answer
_HEARS = (
    3.0  # seconds for one to hear that a connection is gone, and between two looks whether it has
)
_LOOK = 0.02
_QUIET = logging.NullHandler()
MAKES = ("", "classic", "quorum")


@dataclass(frozen=True)
class Place:
    """Where messages are read.

    exchange, binding: what the queue is bound to, and with which routing keys
    make:              the kind of a queue that is made when it is not there, with its exchange
    """

    queue: str
    exchange: str = ""
    binding: Sequence[str] = ("#",)
    make: str = ""
    durable: bool = True


class Connection:
    """One connection, from `open` to `close`.

    heard: called with each message;  gone: called when it is no more
    """

    def __init__(
        self,
        url: str,
        tls: Tls,
        heard: Callable[[Any], None],
        gone: Callable[[Away], None],
    ) -> None:
        self.url, self.where, self._tls = url, shown(url), tls
        self._heard, self._gone = heard, gone
        self._connection: Any = None
        self._reading: Any = None  # the channel by which messages come
        self._sending: Any = None  # and the one for dead letters, which a mistake there may close
        self._closed = False

    # -- opening and closing
    async def open(self, place: Place, prefetch: int, others: int | None) -> int:
        """Connect, be sure that the queue is there, and let messages come.

        others: as many consume it besides, as far as we know; how many there are is returned
        """
        await self.connect()
        try:
            with as_away(self.where, opening=True):
                await self._prepare(place)
                others = await self._without_us(place.queue, others)
                await self._consume(place.queue, prefetch)
                return others
        except BaseException:
            await self.close()
            raise

    async def _without_us(self, queue: str, others: int | None) -> int:
        """How many consume it.  One more may be who we were, by a connection of which the broker
        has not heard yet that it is gone: what that held is the queue's once it has, and comes
        before what is new."""
        end = asyncio.get_running_loop().time() + _HEARS
        with as_away(f"{self.where}: queue {queue!r}"):
            while True:
                async with self._connection.channel() as channel:
                    found = await channel.declare_queue(queue, passive=True, timeout=_ANSWER)
                count = int(found.declaration_result.consumer_count)
                late = asyncio.get_running_loop().time() > end
                if others is None or count <= others or late:
                    return count
                await asyncio.sleep(_LOOK)

    async def connect(self) -> None:
        """And no more."""
        import aio_pika

        quiet()
        try:
            with as_away(self.where, opening=True):
                secure = self.url.startswith("amqps:")
                # One that is refused is ours to close, too: else its end says so on its own.
                await aio_pika.connect(
                    self.url,
                    connection_class=self._kept,
                    timeout=_ANSWER,
                    ssl_context=self._tls.context() if secure else None,
                    client_properties={"connection_name": "pelton"},
                )
                self._connection.close_callbacks.add(self._lost)
        except BaseException:
            await self.close()
            raise

    async def channel(self, **words: Any) -> Any:
        """One more, of aio-pika's."""
        with as_away(self.where):
            return await self._connection.channel(**words)

    @property
    def _kept(self) -> Any:
        """aio-pika's connection, which we have from its beginning."""
        from aio_pika import Connection as Theirs

        def make(*args: Any, **named: Any) -> Any:
            self._connection = Theirs(*args, **named)
            return self._connection

        return make

    async def _prepare(self, place: Place) -> None:
        with as_away(f"{self.where}: queue {place.queue!r}"):
            if not await self._is_there("get_queue", place.queue, place.make):
                kind = {"x-queue-type": place.make}
                await self._do("declare_queue", place.queue, durable=place.durable, arguments=kind)
        if not place.exchange:
            return
        with as_away(f"{self.where}: exchange {place.exchange!r}"):
            if not await self._is_there("get_exchange", place.exchange, place.make):
                await self._do("declare_exchange", place.exchange, "topic", durable=place.durable)
            async with self._connection.channel() as channel:
                queue = await channel.get_queue(place.queue, ensure=False)
                for key in place.binding:
                    await queue.bind(place.exchange, key, timeout=_ANSWER)

    async def _is_there(self, what: str, name: str, make: str) -> bool:
        """Whether it is.  Raises the broker's own error where it is not, and is not to be made."""
        from aiormq.exceptions import ChannelNotFoundEntity

        try:
            await self._do(what, name, ensure=True)
        except ChannelNotFoundEntity:
            if not make:
                raise
            return False
        return True

    async def _do(self, what: str, *words: Any, **named: Any) -> None:
        """By a channel of its own: the broker closes it for a mistake."""
        async with self._connection.channel() as channel, asyncio.timeout(_ANSWER):
            await getattr(channel, what)(*words, **named)

    async def _consume(self, queue: str, prefetch: int) -> None:
        """aiormq's channel gives messages as they are, and each in one task instead of two."""
        channel = await self._connection.channel(publisher_confirms=False)
        channel.close_callbacks.add(self._lost)
        self._reading = await channel.get_underlay_channel()
        self._reading.on_consumer_cancel_callbacks.add(self._cancelled)
        await self._reading.basic_qos(prefetch_count=prefetch, timeout=_ANSWER)

        async def heard(message: Any) -> None:
            self._heard(message)

        with as_away(f"{self.where}: queue {queue!r}"):
            await self._reading.basic_consume(queue, heard, timeout=_ANSWER)

    async def close(self) -> None:
        """Let go: what is open is the broker's again, at once."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            # A broker that is gone answers nothing.
            with contextlib.suppress(Away, TimeoutError), as_away(self.where):
                async with asyncio.timeout(_ANSWER / 2):
                    await connection.close()

    # -- what the library says
    def _lost(self, what: Any, error: BaseException | None) -> None:
        told = f": {type(error).__name__}: {error}" if isinstance(error, Exception) else ""
        self._tell(f"the connection is gone{told}")

    def _cancelled(self, frame: Any) -> None:
        self._tell("the broker gives no more: the queue is gone, or somebody else's")

    def _tell(self, words: str) -> None:
        if not self._closed:
            self._closed = True
            self._gone(Away(f"{self.where}: {words}"))

    # -- saying
    async def ack(self, tags: Sequence[tuple[int, bool]]) -> None:
        """Tags, and whether each speaks for all before it as well; back when it is sent."""
        with as_away(self.where):
            for number, (tag, all_before) in enumerate(tags, 1):
                # What the library has not sent is lost when it closes.
                last = number == len(tags)
                await self._reading.basic_ack(tag, multiple=all_before, wait=last)

    async def give_back(self, tags: Sequence[int]) -> None:
        """To be handed out again."""
        with as_away(self.where):
            for tag in tags:
                await self._reading.basic_nack(tag, requeue=True)

    async def publish(self, queue: str, body: bytes, headers: Mapping[str, str]) -> None:
        """To a queue; back when the broker has confirmed that it keeps it there."""
        import aio_pika

        message = aio_pika.Message(
            body,
            headers=dict(headers),
            content_type=headers.get("content-type"),
            message_id=headers.get("message-id"),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        with as_away(f"{self.where}: queue {queue!r}"):
            if self._sending is None or self._sending.is_closed:
                self._sending = await self._connection.channel(on_return_raises=True)
            await self._sending.default_exchange.publish(
                message, queue, mandatory=True, timeout=_ANSWER
            )


def quiet() -> None:
    """aiormq says by itself, for each try, what we say as `Away`: to a log, if there is one."""
    logging.getLogger("aiormq").addHandler(_QUIET)


def check(url: str) -> None:
    """Raises `WrongSource` for another server's address."""
    if url.partition("://")[0] not in ("amqp", "amqps"):
        raise WrongSource(
            f'{shown(url)!r} is no address of RabbitMQ: write it as "amqp://HOST:PORT/"'
        )


def shown(url: str) -> str:
    """An address without user and password.

    >>> shown("amqp://ann:hidden@broker:5672/shop")
    'amqp://broker:5672/shop'
    """
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def with_user(url: str, user: str, password: str) -> str:
    """An address with these in it, where they are said beside it.

    >>> with_user("amqp://ann@broker/shop", "", "hid/den")
    'amqp://ann:hid%2Fden@broker/shop'
    """
    if not (user or password):
        return url
    parts = urlsplit(url)
    told, host = parts.netloc.rpartition("@")[0].partition(":"), parts.netloc.rpartition("@")[2]
    name, secret = quote(user, safe="") or told[0], quote(password, safe="") or told[2]
    return urlunsplit(parts._replace(netloc=f"{name}:{secret}@{host}"))


@contextlib.contextmanager
def as_away(what: str, *, opening: bool = False) -> Iterator[None]:
    """What aio-pika raises for a broker that is not there, or refuses, is `Away`."""
    from aiormq.exceptions import AMQPError, ChannelInvalidStateError

    try:
        yield
    except (AMQPError, ChannelInvalidStateError, OSError, TimeoutError) as error:
        raise Away(f"{what}: {why(error, tls=what.startswith('amqps:'), early=opening)}") from error
