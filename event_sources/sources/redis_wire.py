"""What both kinds of Redis source share: how they connect, and what it means when that fails."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

from ..errors import Away, WrongSource
from .access import LooseAccess, LooseWords
from .refusal import why

# Seconds after which a server that says nothing is taken for gone: longer than any wait for
# messages, during which it rightly says nothing (redis-py's own 5 s would end each such wait).
SILENCE = 45.0


def access_to(url: str, words: LooseWords) -> LooseAccess:
    """Raises `WrongSource` for files of TLS where the address says that there is none."""
    who = LooseAccess(**words)
    if not url.startswith("rediss:"):
        who.files.not_with("redis", shown(url))
    return who


def _named(who: LooseAccess, url: str) -> dict[str, Any]:
    """As redis-py names them.  Raises `Away` for a file that is not there."""
    said = {"username": who.user, "password": who.password}
    named: dict[str, Any] = {name: value for name, value in said.items() if value}
    if not url.startswith("rediss:"):
        return named
    who.files.look()
    return {
        **named,
        "ssl_ca_certs": who.ca or None,
        "ssl_certfile": who.cert or None,
        "ssl_keyfile": who.cert_key or None,
        "ssl_cert_reqs": "required" if who.verify else "none",
        "ssl_check_hostname": who.verify,
    }


def connect(url: str, who: LooseAccess | None = None) -> Any:
    """A client that says at once that the server is gone, and leaves waiting to the delivery."""
    from redis.asyncio import Connection, ConnectionPool, Redis
    from redis.asyncio.connection import parse_url
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    try:
        where: dict[str, Any] = {**_named(who or LooseAccess(), url), **parse_url(url)}
    except ValueError as error:
        raise WrongSource(f"{shown(url)!r} is no address of a Redis server: {error}") from None
    kind = where.pop("connection_class", Connection)
    pool = ConnectionPool(
        connection_class=_that_waits(kind),
        retry=Retry(NoBackoff(), 0),
        **{
            "socket_connect_timeout": 5,
            "socket_timeout": SILENCE,
            "socket_keepalive": True,
            **where,
        },
    )
    return Redis.from_pool(pool)


@functools.cache
def _that_waits(kind: type) -> type:
    """Connections whose end is the end of their sockets as well, within the time to connect.  After
    a refusal, or when a read is given up, redis-py goes on before the server has heard TLS's last
    word, and nobody could wait for the socket any more."""

    class Waiting(kind):  # type: ignore[misc]
        async def disconnect(self, nowait: bool = False, **words: Any) -> None:
            await super().disconnect(False, **words)

    return Waiting


async def let_go(client: Any) -> None:
    """Close it, with all its connections; a server that stands still may not answer."""
    from redis.exceptions import RedisError

    with contextlib.suppress(RedisError, OSError):
        await client.aclose()


@contextlib.contextmanager
def as_away(url: str, *, opening: bool = False) -> Iterator[None]:
    """What redis-py raises for a server that is not there, or refuses, is `Away`."""
    from redis.exceptions import RedisError

    try:
        yield
    except (RedisError, OSError) as error:
        said = why(error, tls=url.startswith("rediss:"), early=opening)
        raise Away(f"redis at {shown(url)}: {said}") from error


def shown(url: str) -> str:
    """An address without user, password and what else they may stand in.

    >>> shown("rediss://ann:hidden@cache:6379/0?password=hidden")
    'cache:6379/0'
    """
    bare = url.partition("?")[0]
    return bare.rpartition("@")[2].rpartition("://")[2]


def text(value: Any) -> str:
    """A field as text; what is no UTF-8 is replaced, not refused."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
