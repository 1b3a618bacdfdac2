"""Event sources: a broker's messages become deliveries that keep their promises.

A `Source` (one broker a file, in `sources/`) takes messages and is told what became of them.  A
`Delivery` hands them to a handler in batches and in order, tries again, gives up into dead letters,
and acknowledges only what is done.  Nothing here knows functions, apps or platforms.

>>> import asyncio
>>> from pelton.event_sources import Batch, Delivery, Rules
>>> from pelton.event_sources.sources.memory import Memory
>>> async def add_up() -> list[bytes]:
...     source, seen = Memory([b"a", b"b", b"c"]), []
...     async def handle(batch: Batch) -> None:
...         seen.extend(each.body for each in batch.messages)
...     async with Delivery(source, handle, Rules(batch=2)):
...         await source.all_done()
...     return seen
>>> asyncio.run(add_up())
[b'a', b'b', b'c']
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .alone import Alone as Alone
    from .delivery.delivery import Delivery as Delivery
    from .delivery.outcome import Batch as Batch
    from .delivery.outcome import Failed as Failed
    from .delivery.outcome import Outcome as Outcome
    from .delivery.rules import Backoff as Backoff
    from .delivery.rules import Rules as Rules
    from .errors import Away as Away
    from .errors import SourceError as SourceError
    from .errors import WrongSource as WrongSource
    from .message import Letter as Letter
    from .message import Lost as Lost
    from .message import Message as Message
    from .once import Once as Once
    from .source import Promises as Promises
    from .source import Source as Source
    from .sources import source_of as source_of

_HOMES = {
    "Alone": ".alone",
    "Away": ".errors",
    "Backoff": ".delivery.rules",
    "Batch": ".delivery.outcome",
    "Delivery": ".delivery.delivery",
    "Failed": ".delivery.outcome",
    "Letter": ".message",
    "Lost": ".message",
    "Message": ".message",
    "Once": ".once",
    "Outcome": ".delivery.outcome",
    "Promises": ".source",
    "Rules": ".delivery.rules",
    "Source": ".source",
    "SourceError": ".errors",
    "WrongSource": ".errors",
    "source_of": ".sources",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name], __name__), name)
