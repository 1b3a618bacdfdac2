"""Messages of a NATS subject, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

import asyncio

from ...testing_events import nats
from .base import Asked, as_bytes
from .broker import broker_kind, sent, told


def _publish(url: str, asked: Asked) -> str:
    with told("nats", "nats"):
        asyncio.run(_say(url, asked))
    return sent(asked, "subject")


async def _say(url: str, asked: Asked) -> None:
    """To a stream, where one is named: it has confirmed each then."""
    from ...event_sources.sources.nats_wire import Connection, as_away

    connection, stream = Connection(url, None), asked.members.get("stream", "")
    await connection.open()
    try:
        kept = connection.client.jetstream()
        for body in map(as_bytes, asked.bodies):
            connection.check_size(body, asked.headers)
            given = {"headers": dict(asked.headers) or None}
            with as_away(url):
                if stream:
                    await kept.publish(asked.source, body, stream=stream, **given)
                else:
                    await connection.client.publish(asked.source, body, **given)
        with as_away(url):
            await connection.flush()
    finally:
        await connection.close()


KIND = broker_kind(
    "nats",
    "messages of a NATS subject",
    lambda asked: nats(
        *asked.bodies, subject=asked.source or "subject", key=asked.key, headers=asked.headers
    ),
    _publish,
    url="nats://HOST:4222",
    members={"stream": "the JetStream stream that has to take them"},
)
