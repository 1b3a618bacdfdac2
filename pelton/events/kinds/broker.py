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
