"""Redis pub/sub: channels that are pushed to whoever listens, and kept by nobody.

Every subscriber gets every message: two workers are two subscribers.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from itertools import count
from typing import Any, ClassVar, Unpack

from ..errors import Away, WrongSource
from ..message import Letter, Message
from ..source import Promises, Source
from .access import LooseWords
from .buffer import Buffer
from .redis_wire import access_to, as_away, connect, let_go, text


class RedisPubSub(Source):
    """
    url:     "redis://127.0.0.1:6379/0", "rediss:" for TLS; user and password may be in it
    channel: its name, or a pattern with `*`, `?` or `[…]`
    buffer:  messages that wait here at the most; then the server waits, and ends the connection
             when it has held too much (`client-output-buffer-limit pubsub`)
    user, password, ca, cert, cert_key, verify: see `redis_stream`
    """

    kind: ClassVar[str] = "redis-pubsub"
    promises: ClassVar[Promises] = Promises(
        redelivers=False,
        ordered_by="channel",
        across_workers=False,
        dead_letters="stream",
        note="sent once, to all who listen then: each worker gets every message",
    )

    def __init__(
        self,
        url: str,
        *,
        channel: str,
        buffer: int = 1000,
        **access: Unpack[LooseWords],
    ) -> None:
        if not channel:
            raise WrongSource("redis-pubsub needs the name of a channel")
        self.url, self.channel = url, channel
        self._who = access_to(url, access)
        self._buffer = Buffer(buffer)
        self._run, self._numbers = uuid.uuid4().hex[:8], count()
        self._redis: Any = None
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._buffer.reopen()
        with as_away(self.url, opening=True):
            self._redis = connect(self.url, self._who)
            channels = self._redis.pubsub()
            pattern = any(each in self.channel for each in "*?[")
            await (channels.psubscribe if pattern else channels.subscribe)(self.channel)
            # The server's own word that from now on it is heard.
            await channels.get_message(timeout=5)
        self._listening = asyncio.get_running_loop().create_task(self._listen(channels))

    async def _listen(self, channels: Any) -> None:
        """In a task of its own: a read that is cut short would lose what it has read."""
        try:
            with as_away(self.url):
                async for said in channels.listen():
                    if said["type"] in ("message", "pmessage"):
                        await self._buffer.put(self._message(said))
        except Away as error:
            self._buffer.fail(error)

    def _message(self, said: Any) -> Message:
        channel = text(said["channel"])
        return Message(
            id=f"{self._run}-{next(self._numbers)}",
            body=said["data"],
            topic=channel,
            lane=channel,
        )

    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        return await self._buffer.take(most, seconds)

    async def ack(self, messages: Sequence[Message]) -> None:
        """Nothing: nobody waits for it."""

    async def bury(self, letter: Letter, place: str) -> None:
        """To a stream: a channel would forget it at once."""
        if self._redis is None:
            raise Away(f"redis channel {self.channel!r}: there is no connection")
        with as_away(self.url):
            await self._redis.xadd(place, {"data": letter.message.body, **letter.headers()})

    async def close(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        client, self._redis = self._redis, None
        if client is not None:
            # With the connection of its channels, whose own end would not wait for the server's.
            await let_go(client)
