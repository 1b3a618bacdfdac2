"""Entries of a Redis stream, or messages of a channel, as a bridge brings them: in one batch."""

from __future__ import annotations

import asyncio
from typing import Any

from ...testing_events import redis
from .base import Asked, CannotMake, as_bytes
from .broker import broker_kind, sent, told

TO = ("stream", "channel")


def _publish(url: str, asked: Asked) -> str:
    to = asked.members.get("to", "stream")
    if to not in TO:
        raise CannotMake(f"redis to={to!r} is none of {', '.join(TO)}")
    with told("redis", "redis"):
        asyncio.run(_say(url, asked, to))
    return sent(asked, to)


async def _say(url: str, asked: Asked, to: str) -> None:
    from ...event_sources.sources.redis_wire import as_away, connect

    client = connect(url)
    try:
        with as_away(url):
            for body in map(as_bytes, asked.bodies):
                fields: dict[Any, Any] = {"data": body, **asked.headers}
                if to == "channel":
                    await client.publish(asked.source, body)
                else:
                    await client.xadd(asked.source, fields)
    finally:
        await client.aclose()


KIND = broker_kind(
    "redis",
    "entries of a Redis stream, or messages of a channel",
    lambda asked: redis(
        *asked.bodies, stream=asked.source or "stream", key=asked.key, headers=asked.headers
    ),
    _publish,
    url="redis://HOST:6379/0",
    members={"to": "stream (as it is by itself) or channel"},
)
