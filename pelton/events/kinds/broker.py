"""What the kinds of all brokers share: how one is made, how a broker's refusal is told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from ...event_sources.errors import SourceError
from .base import Asked, CannotMake, Kind, Make, Publish, many

# What a header of MQTT, Kafka … is, and a key, the factories take; what has no headers has no word.
KEYED = frozenset({"source", "key", "headers"})


def broker_kind(
    name: str,
    what: str,
    make: Make,
    publish: Publish | None,
    *,
    url: str = "",
    takes: frozenset[str] = KEYED,
    members: Mapping[str, str] | None = None,
) -> Kind:
    """Messages of a broker, as a bridge brings them: in one batch.

    >>> broker_kind("x", "messages of X", lambda asked: {}, None).batches
    True
    """
    return Kind(
        name,
        f"{what}, as a bridge brings them, in one batch",
        make,
        takes=takes,
        members=members or {},
        batches=True,
        publish=publish,
        url=url,
    )


# How an address may begin, of those whose client says little of one that is another server's.
_SCHEMES = {
    "kafka": (),
    "nats": ("nats", "tls", "ws", "wss"),
    "postgres": ("postgresql", "postgres"),
    "rabbitmq": ("amqp", "amqps"),
    "redis": ("redis", "rediss", "unix"),
}


def check_address(kind: Kind, url: str) -> None:
    """Raises `CannotMake` for the address of another kind of server.

    >>> from . import KINDS
    >>> check_address(KINDS["rabbitmq"], "amqps://ann:hidden@host")
    >>> check_address(KINDS["kafka"], "redis://ann:hidden@host:6379/0")
    Traceback (most recent call last):
    pelton.events.kinds.base.CannotMake: 'redis://host:6379/0' is no address of kafka: write it as \
HOST:9092
    """
    scheme, mark, rest = url.partition("://")
    if mark and scheme not in _SCHEMES.get(kind.name, (scheme,)):
        bare = f"{scheme}{mark}{rest.rpartition('@')[2].partition('?')[0]}"
        raise CannotMake(f"{bare!r} is no address of {kind.name}: write it as {kind.url}")


@contextlib.contextmanager
def told(kind: str, extra: str) -> Iterator[None]:
    """A broker that is away, and a client library that is not there, are `CannotMake`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise CannotMake(f"{kind} needs {error.name}: pip install 'pelton[{extra}]'") from error
    except (SourceError, OSError, TimeoutError) as error:
        raise CannotMake(f"{kind}: {error or type(error).__name__}") from error


def sent(asked: Asked, where: str) -> str:
    """For people."""
    return f"{many(len(asked.bodies), 'message')} to {where} {asked.source}"
