"""What both kinds of Redis source share: how they connect, and what it means when that fails."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..errors import Away, WrongSource

# Seconds after which a server that says nothing is taken for gone: longer than any wait for
# messages, during which it rightly says nothing (redis-py's own 5 s would end each such wait).
SILENCE = 45.0


def connect(url: str) -> Any:
    """A client that says at once that the server is gone, and leaves waiting to the delivery."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    try:
        return Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=5,
            socket_timeout=SILENCE,
            socket_keepalive=True,
        )
    except ValueError as error:
        raise WrongSource(f"{_shown(url)!r} is no address of a Redis server: {error}") from None


@contextlib.contextmanager
def as_away(url: str) -> Iterator[None]:
    """What redis-py raises for a server that is not there, or refuses, is `Away`."""
    from redis.exceptions import RedisError

    try:
        yield
    except (RedisError, OSError) as error:
        raise Away(f"redis at {_shown(url)}: {type(error).__name__}: {error}") from error


def _shown(url: str) -> str:
    """Without user and password."""
    return url.rpartition("@")[2]


def text(value: Any) -> str:
    """A field as text; what is no UTF-8 is replaced, not refused."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
