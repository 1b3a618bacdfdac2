"""Notifications of a PostgreSQL channel, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

from ...testing_events import postgres
from .base import Kind

KIND = Kind(
    "postgres",
    "notifications of a PostgreSQL channel, as a bridge brings them, in one batch",
    lambda asked: postgres(*asked.bodies, channel=asked.source or "channel"),
    takes=frozenset({"source"}),
    batches=True,
)
