"""PostgreSQL: what transactions notify a channel of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from ..checks import placed
from .from_broker import address, named
from .guarded import Guarded, GuardedWords


class Postgres(Guarded):
    """See `postgres`."""

    kind: ClassVar[str] = "postgres"

    channel: str = ""
    url: str = ""
    tls: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        named("postgres", channel=self.channel)
        address("postgres", self.url, "postgresql", "postgres")

    @property
    def name(self) -> str:
        return self.channel

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        return "postgres", {
            "url": self.url,
            "channel": self.channel,
            "tls": self.tls,
            **self.access,
        }


@placed
def postgres(
    channel: str,
    *,
    url: str,
    tls: bool = False,
    **words: Unpack[GuardedWords],
) -> Postgres:
    """Run the function for what PostgreSQL's transactions notify a channel of.

    url:         "postgresql://USER:PASSWORD@HOST:5432/DATABASE"
    user, password: where the address does not say them; password may be a `secret`
    tls:         speak TLS or not at all, and look at the server's certificate
    ca, cert, cert_key: files where the bridge runs, which ask for TLS
    channel:     as it is written between quotes: NOTIFY orders is "orders"
    dead_letter: a table of the same database, made where it is not there
    batch, window, attempts, workers, max_age, backoff: of the delivery, see the how-to
                 on event sources

    A notification is sent once, when its transaction commits, to all who listen then: what comes
    while nobody listens is lost.  Neither Lambda nor Nuclio listens: `pelton bridge` does, once,
    and calls.

    >>> postgres("orders", url="postgresql://127.0.0.1/shop").name
    'orders'
    """
    return Postgres(channel=channel, url=url, tls=tls, **words)
