"""Where it is kept which messages are done, one store a file, all of one shape (`base.Store`)."""

from ..errors import WrongSource
from .base import Claim as Claim
from .base import Store as Store

__all__ = ["Claim", "Store", "store_of"]


def store_of(address: str) -> Store:
    """A store by its address: "sqlite:///done.db", "redis://HOST:6379/0", "dynamodb://TABLE".

    Four slashes begin an absolute path; "" is a store that ends with its process.  Raises
    `WrongSource` for another address.

    >>> type(store_of("sqlite:////tmp/done.db")).__name__
    'SqliteStore'
    >>> store_of("mysql://here")
    Traceback (most recent call last):
    pelton.event_sources.errors.WrongSource: no store is at 'mysql://here': say "sqlite:///PATH", \
"redis://HOST:6379/0" or "dynamodb://TABLE"
    """
    scheme, _, rest = address.partition("://")
    if not address:
        from .memory import MemoryStore

        return MemoryStore()
    if scheme == "sqlite" and rest.startswith("/") and rest[1:]:
        from .sqlite import SqliteStore

        return SqliteStore(rest[1:])
    if scheme in ("redis", "rediss", "unix"):
        from .redis import RedisStore

        return RedisStore(address)
    if scheme == "dynamodb" and rest:
        from .dynamodb import DynamoStore

        return DynamoStore(rest)
    raise WrongSource(
        f'no store is at {address!r}: say "sqlite:///PATH", "redis://HOST:6379/0" or '
        '"dynamodb://TABLE"'
    )
