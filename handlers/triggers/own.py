"""A source of one's own: a class that `pelton bridge` reads, for what no other trigger reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from ..checks import placed, text
from ..errors import WrongUse
from .from_broker import DeliveryWords, FromBroker

PLAIN = (str, int, float, bool)
Value = str | int | float | bool | None
NOTHING: Mapping[str, Value] = {}


class Own(FromBroker):
    """See `source`."""

    kind: ClassVar[str] = "source"

    place: str = ""
    settings: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        text("source class", self.place)
        module, colon, name = self.place.partition(":")
        if not (colon and name.isidentifier() and all(map(str.isidentifier, module.split(".")))):
            raise WrongUse(
                f"source {self.place!r} names no class",
                advice='write its module and its name: source("lines:Lines")',
            )

    @property
    def name(self) -> str:
        return self.place

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        return self.place, dict(self.settings)


def _checked(settings: object) -> tuple[tuple[str, Value], ...]:
    """Words and plain values: they are in plans and digests."""
    given = settings if isinstance(settings, Mapping) else {0: None}
    for name, value in given.items():
        if not isinstance(name, str) or not (value is None or isinstance(value, PLAIN)):
            raise WrongUse(
                f"source settings={settings!r} are not words with texts, numbers or truths",
                advice='give what its constructor takes: settings={"path": "orders.txt"}',
            )
    return tuple(given.items())


@placed
def source(
    place: str,
    *,
    settings: Mapping[str, Value] = NOTHING,
    **words: Unpack[DeliveryWords],
) -> Own:
    """Run the function for the messages of a source of your own: a class of
    `pelton.event_sources.Source`, which `pelton bridge` makes and reads.

    place:    its module, beside the app's, and its name; what the app imports goes into the
              function, so the app names it and does not import it
    settings: what its constructor takes by name: texts, numbers, truths
    batch, window, attempts, dead_letter, workers, max_age, backoff: of the delivery, see the
              how-to on event sources; dead_letter is what its `bury` is given

    >>> source("lines:Lines", settings={"path": "orders.txt"}, batch=10).source
    ('lines:Lines', {'path': 'orders.txt'})
    """
    return Own(place=place, settings=_checked(settings), **words)
