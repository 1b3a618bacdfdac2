"""Redis streams: a consumer group reads a stream; what dead consumers held is claimed from them.

Redis keeps a list of what each consumer was given and has not acknowledged.  What has been there
for longer than the lease is taken over by XAUTOCLAIM (Redis 6.2), with its count of deliveries.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Unpack

from ..errors import Away
from ..message import Letter, Message
from ..source import Promises, Source
from .access import LooseWords
from .redis_wire import access_to, as_away, connect, let_go, text

Entry = tuple[bytes, Mapping[bytes, bytes]]


class RedisStream(Source):
    """
    url:    "redis://127.0.0.1:6379/0", "rediss:" for TLS; user and password may be in it
    stream: its name;  group: of consumers, made with the stream where it is not there
    start:  where a group that is made begins: "all", "new"
    body:   the field that is a message's body, the others are its headers; an entry without it is
            a JSON object of all its fields
    key:    the field that is a message's key; without one the stream as a whole is in order
    lease:  seconds after which what a consumer holds is anybody's
    alone:  there is no other worker of this group: order then holds over a kill as well, because
            what the killed one held comes first.  Never for two at one time
    user, password: where the address does not say them
    ca, cert, cert_key, verify: files for TLS, and whether the server's certificate must be of `ca`,
            or of one that this machine trusts, and for its name
    """

    kind: ClassVar[str] = "redis-stream"
    lease: float
    promises: ClassVar[Promises] = Promises(
        redelivers=True,
        counts=True,
        ordered_by="stream, or a field",
        across_workers=False,
        extends=True,
        requeues=True,
        dead_letters="stream",
        note="several consumers of one group share its messages without regard to keys",
    )

    def __init__(
        self,
        url: str,
        *,
        stream: str,
        group: str = "pelton",
        start: str = "all",
        body: str = "data",
        key: str = "",
        lease: float = 30.0,
        alone: bool = False,
        **access: Unpack[LooseWords],
    ) -> None:
        self._who = access_to(url, access)
        self.url, self.stream, self.group, self.start = url, stream, group, start
        self.body, self.key, self.lease = body, key, lease
        self.consumer = group if alone else f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._redis: Any = None
        self._claim_at = 0.0
        self._own: bytes | None = None  # behind which of our own we read on; None: all are read

    @property
    def _client(self) -> Any:
        if self._redis is None:
            raise Away(f"redis stream {self.stream!r}: there is no connection")
        return self._redis

    def stand_alone(self, name: str) -> None:
        self.consumer = name  # what the one before held is its own

    async def open(self) -> None:
        with as_away(self.url, opening=True):
            self._redis = connect(self.url, self._who)
            await self._make_group()
        # What was given to us, and did not reach us because the connection was cut, comes first.
        self._claim_at, self._own = 0.0, b"0"

    async def _make_group(self) -> None:
        from redis.exceptions import ResponseError

        begin = "$" if self.start == "new" else "0"
        try:
            await self._client.xgroup_create(self.stream, self.group, id=begin, mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    # -- receiving
    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        with as_away(self.url):
            if found := await self._read_own(most) or await self._claim(most):
                return found
            return await self._read(most, min(seconds, self.lease / 2))

    async def _read(self, most: int, seconds: float) -> list[Message]:
        found = await self._client.xreadgroup(
            self.group,
            self.consumer,
            {self.stream: ">"},
            count=most,
            block=max(1, int(seconds * 1000)),
        )
        entries: list[Entry] = [each for _, read in _pairs(found) for each in read]
        return [self._message(*each) for each in entries]

    async def _read_own(self, most: int) -> list[Message]:
        """What is ours already, page by page; the delivery knows those that it still holds."""
        if self._own is None:
            return []
        found = await self._client.xreadgroup(
            self.group, self.consumer, {self.stream: self._own}, count=most
        )
        entries: list[Entry] = [each for _, read in _pairs(found) for each in read]
        self._own = entries[-1][0] if entries else None
        return await self._with_counts([each for each in entries if each[1]])

    async def _claim(self, most: int) -> list[Message]:
        """What others have held for too long, looked for twice in a lease."""
        now = asyncio.get_running_loop().time()
        if now < self._claim_at:
            return []
        idle = int(self.lease * 1000)
        answer = await self._client.xautoclaim(
            self.stream, self.group, self.consumer, idle, "0-0", count=most
        )
        # Of entries that were deleted meanwhile nothing is left to hand out.
        entries: list[Entry] = [each for each in answer[1] if each[1]]
        if not entries:
            self._claim_at = now + self.lease / 2
            return []
        return await self._with_counts(entries)

    async def _with_counts(self, entries: Sequence[Entry]) -> list[Message]:
        """As messages, with how often each was handed out."""
        if not entries:
            return []
        first, last = entries[0][0], entries[-1][0]
        # What lies between and is in hand since is counted too: there may be that many.
        pending = await self._client.xpending_range(
            self.stream, self.group, first, last, len(entries) + 10_000, self.consumer
        )
        counts = {each["message_id"]: int(each["times_delivered"]) for each in pending}
        return [self._message(*each, counts.get(each[0], 1)) for each in entries]

    def _message(self, id: bytes, fields: Mapping[bytes, bytes], attempt: int = 1) -> Message:
        named = {text(name): value for name, value in fields.items()}
        body = named.pop(self.body, None)
        headers = {name: text(value) for name, value in named.items()}
        key = headers.get(self.key, "") if self.key else ""
        entry = id.decode()
        return Message(
            id=entry,
            body=json.dumps(headers).encode() if body is None else body,
            topic=self.stream,
            key=key,
            lane=key or self.stream,
            headers=headers,
            position=entry,
            timestamp=int(entry.partition("-")[0]) / 1000,
            attempt=attempt,
        )

    # -- telling
    async def ack(self, messages: Sequence[Message]) -> None:
        with as_away(self.url):
            await self._client.xack(self.stream, self.group, *(each.id for each in messages))

    async def requeue(self, messages: Sequence[Message]) -> None:
        """As idle as if their lease were over, so that others claim them at once."""
        await self._hold(messages, int(self.lease * 1000))

    async def extend(self, messages: Sequence[Message]) -> None:
        await self._hold(messages, 0)

    async def _hold(self, messages: Sequence[Message], idle: int) -> None:
        if not messages:
            return
        with as_away(self.url):
            await self._client.xclaim(
                self.stream,
                self.group,
                self.consumer,
                0,
                [each.id for each in messages],
                idle=idle,
                justid=True,
            )

    async def bury(self, letter: Letter, place: str) -> None:
        with as_away(self.url):
            fields = {self.body: letter.message.body, **letter.headers()}
            await self._client.xadd(place, fields)

    async def close(self) -> None:
        client, self._redis = self._redis, None
        if client is not None:
            await self._leave(client)
            await let_go(client)

    async def _leave(self, client: Any) -> None:
        """A consumer that holds nothing is not missed; one that does is claimed from."""
        from redis.exceptions import RedisError

        try:
            held = await client.xpending_range(self.stream, self.group, "-", "+", 1, self.consumer)
            if not held:
                await client.xgroup_delconsumer(self.stream, self.group, self.consumer)
        except (RedisError, OSError):
            return  # it is away, and was to be closed


def _pairs(found: Any) -> Any:
    """Streams and their entries: a list in one version of the protocol, a map in the other."""
    if isinstance(found, dict):
        return [(name, entries[0] if entries else []) for name, entries in found.items()]
    return found or []
