"""NATS without JetStream: subjects that are pushed to whoever listens, and kept by nobody.

What the server has sent is gone there: a worker that is killed loses what it held.  Within a worker
that lives, messages are tried again and given up like any other's.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, ClassVar

from ..message import Letter, Message
from ..source import Promises, Source
from .buffer import Buffer
from .nats_access import NatsOptions
from .nats_wire import Connection, as_away, headers_of


class Nats(Source):
    """
    url:     "nats://127.0.0.1:4222"; several, separated by commas
    subject: with wildcards, as NATS has them: "orders.*", "orders.>"
    queue:   the queue group, whose members share the messages; "" to get all
    buffer:  messages that wait here at the most; the client holds as many again, and then drops
    key:     the header that is a message's key; without one its subject orders it
    options: see `NatsOptions`: user, password, token, credentials, ca, cert, cert_key
    """

    kind: ClassVar[str] = "nats"
    promises: ClassVar[Promises] = Promises(
        redelivers=False,
        ordered_by="subject, or a header",
        across_workers=False,
        dead_letters="subject",
        note="sent once, to who listens then: what a killed worker held is lost",
    )

    def __init__(
        self,
        url: str,
        *,
        subject: str,
        queue: str = "",
        buffer: int = 1000,
        key: str = "",
        options: NatsOptions | Mapping[str, Any] | None = None,
    ) -> None:
        self.url, self.subject, self.queue, self.key = url, subject, queue, key
        self._connection = Connection(url, options)
        self._size, self._buffer = buffer, Buffer(buffer)
        self._run, self._numbers = uuid.uuid4().hex[:8], count()

    async def open(self) -> None:
        await self._connection.open()
        with as_away(self.url, f"subject {self.subject!r}"):
            await self._connection.client.subscribe(
                self.subject, queue=self.queue, cb=self._heard, pending_msgs_limit=self._size
            )
            await self._connection.flush()  # from now on it is heard

    async def _heard(self, raw: Any) -> None:
        if self._buffer.full:
            await self._buffer.put(self._message(raw))
        else:
            self._buffer.add(self._message(raw))

    def _message(self, raw: Any) -> Message:
        headers = headers_of(raw)
        key = headers.get(self.key, "") if self.key else ""
        return Message(
            id=f"{self._run}-{next(self._numbers)}",
            body=raw.data,
            topic=raw.subject,
            key=key,
            lane=f"{self.key}={key}" if key else raw.subject,
            headers=headers,
        )

    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        return await self._connection.alive(self._buffer.take(most, seconds))

    async def ack(self, messages: Sequence[Message]) -> None:
        """Nothing: nobody waits for it."""

    async def bury(self, letter: Letter, place: str) -> None:
        body, headers = letter.message.body, letter.headers()
        self._connection.check_size(body, headers)
        with as_away(self.url):
            await self._connection.client.publish(place, body, headers=headers)
            await self._connection.flush()

    async def close(self) -> None:
        await self._connection.close()
