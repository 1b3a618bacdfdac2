"""NATS: the messages of a subject, with JetStream or without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..checks import placed, text
from .from_broker import BACKOFF, FromBroker, address, named


class Nats(FromBroker):
    """See `nats`."""

    kind: ClassVar[str] = "nats"

    subject: str = ""
    url: str = ""
    queue: str = ""
    stream: str = ""
    durable: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        named("nats", subject=self.subject)
        address("nats", self.url, "nats", "tls")
        for each in ("queue", "stream", "durable", "key"):
            text(f"nats {each}", getattr(self, each))

    @property
    def name(self) -> str:
        return self.subject

    @property
    def plain(self) -> bool:
        """Whether this is what a NATS subscription gives by itself: no stream that keeps
        messages, none tried again, none given up, one a call."""
        asked = self.stream or self.key or self.attempts or self.max_age or self.batch > 1
        return not asked and self.backoff == BACKOFF

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        common = {"url": self.url, "subject": self.subject, "key": self.key}
        if not self.stream:
            return "nats", {**common, "queue": self.queue}
        return "jetstream", {**common, "stream": self.stream, "durable": self.durable}


@placed
def nats(
    subject: str,
    *,
    url: str,
    queue: str = "",
    stream: str = "",
    durable: str = "pelton",
    key: str = "",
    batch: int = 1,
    window: int = 0,
    attempts: int = 0,
    dead_letter: str = "",
    workers: int = 1,
    max_age: int = 0,
    backoff: tuple[float, float] = BACKOFF,
) -> Nats:
    """Run the function for the messages of a NATS subject.

    url:     "nats://127.0.0.1:4222"
    queue:   the queue group, whose members share the messages
    stream:  the JetStream stream that keeps them: what failed comes again, over a kill as well.
             Without one, NATS sends a message once, to who listens then
    durable: the name of the stream's consumer
    key:     the header whose messages keep their order; without one, each subject's do
    batch to backoff: of the delivery, see the how-to on event sources

    Nuclio has a trigger of its own for plain subjects; else `pelton bridge` reads and calls.

    >>> nats("orders.*", url="nats://127.0.0.1:4222").source[0]
    'nats'
    >>> nats("orders.*", url="nats://127.0.0.1:4222", stream="orders").source[0]
    'jetstream'
    """
    return Nats(
        batch,
        window,
        attempts,
        dead_letter,
        workers,
        max_age,
        backoff,
        subject,
        url,
        queue,
        stream,
        durable,
        key,
    )
