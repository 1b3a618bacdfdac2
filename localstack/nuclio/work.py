"""`Work`: one event, or one batch of them, on its way to a worker and back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgpack

from . import wire
from .streams import Stream

Event = Mapping[str, Any]
# One for all: a packer comes with a buffer, which is dear to make. Only the loop packs.
# Strings are bytes to Nuclio: what is not UTF-8 goes out as it came in (`wire.as_sent`).
_PACKER = msgpack.Packer(unicode_errors="surrogateescape")


class Work:
    """What a worker is to be asked, and what it has said.

    frame:   the bytes that ask it
    answer:  the text of its response, to be waited for; the failure of who was asked else
    place:   whose it is, once a worker has taken it
    due:     until when it may wait for a worker, by time.monotonic
    began:   when a worker was asked, by time.monotonic;  took: seconds until its answer
    records: what was logged meanwhile
    stream:  the pieces behind the first, of an answer that comes piece by piece
    """

    __slots__ = ("answer", "began", "due", "frame", "place", "records", "stream", "took")

    def __init__(self, event: Event | Sequence[Event]) -> None:
        self.frame = wire.frame(_PACKER.pack(event))
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.place: Any = None
        self.due = self.began = self.took = 0.0
        self.records: list[dict[str, Any]] = []
        self.stream: Stream | None = None

    def fail(self, error: Exception) -> None:
        """Tell who waits, unless it has been told."""
        if not self.answer.done():
            self.answer.set_exception(error)
