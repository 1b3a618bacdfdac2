"""Messages of a source of one's own, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

from ...testing_events import source
from .broker import broker_kind

KIND = broker_kind(
    "source",
    "messages of a source of your own",
    lambda asked: source(
        *asked.bodies, place=asked.source or "lines:Lines", key=asked.key, headers=asked.headers
    ),
    None,  # nobody but its class knows how
)
