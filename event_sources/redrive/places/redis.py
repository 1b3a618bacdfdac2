"""Dead letters in a stream of Redis, of sources that read a stream or a channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar, Unpack

from ...sources.access import LooseWords
from ...sources.redis_wire import access_to, as_away, connect, let_go, text
from ..kept import Kept, of_headers
from ..place import NotSent, Place, missing, origin

_PAGE = 100


class RedisPlace(Place):
    """
    place: the stream
    url:   "redis://127.0.0.1:6379/0", "rediss:" for TLS
    body:  the field that is a message's body
    user, password, ca, cert, cert_key, verify: as of the source
    """

    kind: ClassVar[str] = "redis"
    words: ClassVar[frozenset[str]] = frozenset({"url", "body", *LooseWords.__annotations__})

    def __init__(
        self, place: str, *, url: str, body: str = "data", **access: Unpack[LooseWords]
    ) -> None:
        super().__init__()
        self._who = access_to(url, access)
        self.place, self.url, self.body = place, url, body
        self._client: Any = None

    async def open(self) -> None:
        with as_away(self.url, opening=True):
            self._client = connect(self.url, self._who)
            there = await self._client.exists(self.place) if self.place else True
        if not there:
            raise missing("stream", self.place)

    async def letters(self) -> AsyncIterator[Kept]:
        with as_away(self.url):
            newest = await self._client.xrevrange(self.place, count=1)
        behind = "-"
        while newest:
            with as_away(self.url):
                page = await self._client.xrange(self.place, behind, newest[0][0], count=_PAGE)
            for id, fields in page:
                yield self._kept(id.decode(), fields)
            if len(page) < _PAGE:
                return
            behind = f"({page[-1][0].decode()}"

    def _kept(self, id: str, fields: dict[bytes, bytes]) -> Kept:
        named = {text(name): value for name, value in fields.items()}
        body = named.pop(self.body, b"")
        return of_headers(id, body, {name: text(value) for name, value in named.items()})

    async def send(self, letter: Kept, to: str = "") -> None:
        where = origin(letter, to)
        with as_away(self.url):
            if letter.source != "redis-pubsub":
                await self._client.xadd(where, {self.body: letter.body, **letter.again})
            elif not await self._client.publish(where, letter.body):
                raise NotSent(f"nobody listens to channel {where!r}, it would be lost")

    async def remove(self, letter: Kept) -> None:
        with as_away(self.url):
            await self._client.xdel(self.place, letter.id)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await let_go(client)
