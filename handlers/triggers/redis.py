"""Redis: the entries of a stream, or the messages of a channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from ..checks import placed, text
from ..errors import WrongUse
from .from_broker import address
from .guarded import Guarded, GuardedWords


class Redis(Guarded):
    """See `redis`."""

    kind: ClassVar[str] = "redis"

    url: str = ""
    stream: str = ""
    channel: str = ""
    group: str = ""
    key: str = ""
    body: str = "data"

    def __post_init__(self) -> None:
        super().__post_init__()
        address("redis", self.url, "redis", "rediss", "unix")
        for each in ("stream", "channel", "group", "key", "body"):
            text(f"redis {each}", getattr(self, each))
        if bool(self.stream) == bool(self.channel):
            raise WrongUse(
                "redis() takes one of stream= and channel=",
                advice="a stream keeps its messages, a channel forgets them when they are sent",
            )

    @property
    def name(self) -> str:
        return self.stream or self.channel

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        if self.channel:
            return "redis-pubsub", {"url": self.url, "channel": self.channel, **self.access}
        settings = {"stream": self.stream, "group": self.group, "key": self.key, "body": self.body}
        return "redis-stream", {"url": self.url, **settings, **self.access}


@placed
def redis(
    *,
    url: str,
    stream: str = "",
    channel: str = "",
    group: str = "pelton",
    key: str = "",
    body: str = "data",
    **words: Unpack[GuardedWords],
) -> Redis:
    """Run the function for the entries of a Redis stream, or the messages of a channel.

    url:     "redis://127.0.0.1:6379/0", "rediss:" for TLS
    stream:  its entries are shared by the consumers of `group`; what failed comes again
    channel: a name or a pattern; each message is sent once, to all who listen then
    key:     the field whose entries keep their order; without one, the stream does
    body:    the field that is the function's input, the others are headers; an entry without it
             is an object of all its fields
    user, password: where the address does not say them; password may be a `secret`
    ca, cert, cert_key: files where the bridge runs, for rediss:
    batch, window, attempts, dead_letter, workers, max_age, backoff: of the delivery, see the
             how-to on event sources

    Neither Lambda nor Nuclio reads Redis: `pelton bridge` does, and calls.

    >>> redis(url="redis://127.0.0.1:6379/0", stream="orders").name
    'orders'
    """
    return Redis(url=url, stream=stream, channel=channel, group=group, key=key, body=body, **words)
