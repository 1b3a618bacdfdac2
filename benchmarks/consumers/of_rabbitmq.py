"""RabbitMQ beside aio-pika's own iterator, and each message's `ack`."""

from __future__ import annotations

import asyncio
import time

from pelton.event_sources import Source
from pelton.event_sources.sources.rabbitmq import RabbitMQ

from .shape import BODY, MESSAGES, Kept


class OfRabbitMQ(Kept):
    what = "RabbitMQ"

    def source(self, name: str) -> Source:
        return RabbitMQ(self.address, queue=name, make="classic")

    async def put(self, name: str) -> None:
        import aio_pika

        async with await aio_pika.connect(self.address) as connection:
            channel = await connection.channel(publisher_confirms=False)
            await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "classic"})
            for _ in range(MESSAGES):
                await channel.default_exchange.publish(aio_pika.Message(BODY), name)
            there = 0
            while there < MESSAGES:
                await asyncio.sleep(0.01)
                queue = await channel.declare_queue(name, passive=True)
                there = queue.declaration_result.message_count or 0

    async def floor(self, name: str) -> float:
        import aio_pika

        start = time.perf_counter()
        async with await aio_pika.connect(self.address) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1000)
            seen = 0
            async with (await channel.get_queue(name)).iterator() as messages:
                async for message in messages:
                    await message.ack()
                    seen += 1
                    if seen == MESSAGES:
                        break
            seconds = time.perf_counter() - start
        return MESSAGES / seconds
