"""Messages of a RabbitMQ queue, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

import asyncio

from ...testing_events import rabbitmq
from .base import Asked, as_bytes
from .broker import broker_kind, sent, told


def _publish(url: str, asked: Asked) -> str:
    with told("rabbitmq", "rabbitmq"):
        asyncio.run(_say(url, asked))
    return sent(asked, "queue")


async def _say(url: str, asked: Asked) -> None:
    """Each is confirmed; one that no queue takes is refused by name."""
    import aio_pika

    from ...event_sources.sources.rabbitmq_wire import as_away, quiet, shown

    quiet()
    exchange = asked.members.get("exchange", "")
    with as_away(f"{shown(url)}: {exchange or 'queue'} {asked.source!r}"):
        async with await aio_pika.connect(url, timeout=10) as connection:
            channel = await connection.channel(on_return_raises=True)
            to = await channel.get_exchange(exchange, ensure=bool(exchange))
            for body in map(as_bytes, asked.bodies):
                message = aio_pika.Message(
                    body,
                    headers=dict(asked.headers),
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                )
                await to.publish(message, asked.source, mandatory=True, timeout=10)


KIND = broker_kind(
    "rabbitmq",
    "messages of a RabbitMQ queue",
    lambda asked: rabbitmq(
        *asked.bodies, queue=asked.source or "queue", key=asked.key, headers=asked.headers
    ),
    _publish,
    url="amqp://HOST:5672/",
    members={"exchange": "what is published to, with the source as routing key"},
)
