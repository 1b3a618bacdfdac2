"""Notifications of a PostgreSQL channel, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

from ...testing_events import postgres
from .base import Asked, CannotMake, as_text
from .broker import broker_kind, sent, told


def _publish(url: str, asked: Asked) -> str:
    with told("postgres", "postgres"):
        _say(url, asked)
    return sent(asked, "channel")


def _say(url: str, asked: Asked) -> None:
    import psycopg

    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as client:
            for body in map(as_text, asked.bodies):
                client.execute("select pg_notify(%s, %s)", (asked.source, body))
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        raise CannotMake(f"postgres channel {asked.source!r}: {said}") from None


KIND = broker_kind(
    "postgres",
    "notifications of a PostgreSQL channel",
    lambda asked: postgres(*asked.bodies, channel=asked.source or "channel"),
    _publish,
    url="postgresql://HOST:5432/DATABASE",
    takes=frozenset({"source"}),
)
