"""NATS: the messages of a subject, with JetStream or without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from ..checks import placed, text
from .from_broker import BACKOFF, address, named
from .guarded import Guarded, GuardedWords


class Nats(Guarded):
    """See `nats`."""

    kind: ClassVar[str] = "nats"

    subject: str = ""
    url: str = ""
    queue: str = ""
    stream: str = ""
    durable: str = ""
    key: str = ""
    token: str = ""
    credentials: str = ""
    nkey: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        named("nats", subject=self.subject)
        address("nats", self.url, "nats", "tls")
        for each in ("queue", "stream", "durable", "key", "token", "credentials", "nkey"):
            text(f"nats {each}", getattr(self, each))

    @property
    def name(self) -> str:
        return self.subject

    @property
    def plain(self) -> bool:
        """Whether this is what a NATS subscription gives by itself: no stream that keeps
        messages, none tried again, none given up, one a call, and all of how to come to it in
        the address."""
        asked = self.stream or self.key or self.attempts or self.max_age or self.batch > 1
        return not (asked or self.options) and self.backoff == BACKOFF

    @property
    def options(self) -> dict[str, str]:
        """Who we are to the server, and files for TLS: what is said of them."""
        more = {"token": self.token, "credentials": self.credentials, "nkey": self.nkey}
        return {name: value for name, value in {**self.access, **more}.items() if value}

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        common: dict[str, Any] = {"url": self.url, "subject": self.subject, "key": self.key}
        if self.options:
            common["options"] = self.options
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
    token: str = "",
    credentials: str = "",
    nkey: str = "",
    **words: Unpack[GuardedWords],
) -> Nats:
    """Run the function for the messages of a NATS subject.

    url:     "nats://127.0.0.1:4222", "tls:" for TLS
    queue:   the queue group, whose members share the messages
    stream:  the JetStream stream that keeps them: what failed comes again, over a kill as well.
             Without one, NATS sends a message once, to who listens then
    durable: the name of the stream's consumer
    user, password, token: where the address does not say them; password and token may be a
             `secret`
    credentials, nkey: files where the bridge runs, of a user and of a seed
    ca, cert, cert_key: likewise, which ask for TLS
    key:     the header whose messages keep their order; without one, each subject's do
    batch, window, attempts, dead_letter, workers, max_age, backoff: of the delivery, see the
             how-to on event sources

    Nuclio has a trigger of its own for plain subjects; else `pelton bridge` reads and calls.

    >>> nats("orders.*", url="nats://127.0.0.1:4222").source[0]
    'nats'
    >>> nats("orders.*", url="nats://127.0.0.1:4222", stream="orders").source[0]
    'jetstream'
    """
    return Nats(
        subject=subject,
        url=url,
        queue=queue,
        stream=stream,
        durable=durable,
        key=key,
        token=token,
        credentials=credentials,
        nkey=nkey,
        **words,
    )
