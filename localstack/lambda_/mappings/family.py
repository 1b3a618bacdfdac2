"""Which shards of a stream may be read: parents before their children, each until its end.

A table without a socket.  A shard that is not listed any more is at its end too; a parent that
nobody knows has been trimmed and holds nobody back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listed:
    """A shard as the service lists it; `closed`: it takes no more records."""

    shard: str
    parents: tuple[str, ...] = ()
    closed: bool = False


class Family:
    """The shards of one stream.

    ended: shards that are known to be processed to their end

    >>> family = Family(ended=["p"])
    >>> family.see([Listed("p", closed=True), Listed("a", ("p",)), Listed("b", ("a",))])
    >>> family.readable()
    ['a']
    >>> family.end("a")
    >>> family.readable()
    ['b']
    """

    def __init__(self, ended: Iterable[str] = ()) -> None:
        self._ended = set(ended)
        self._listed: Mapping[str, Listed] = {}

    def see(self, listed: Iterable[Listed]) -> None:
        """What the service lists now."""
        self._listed = {each.shard: each for each in listed}

    def end(self, shard: str) -> None:
        """Every record of the shard is done, and no more will come."""
        self._ended.add(shard)

    def knows(self, shard: str) -> bool:
        return shard in self._listed

    def readable(self, being_read: Iterable[str] = ()) -> list[str]:
        """Shards that are to be read and are not yet, in the order of their names.

        being_read: shards that are read now; one of them that is a parent is not at its end
        """
        busy = set(being_read)
        return [
            each.shard
            for each in sorted(self._listed.values(), key=lambda listed: listed.shard)
            if each.shard not in self._ended | busy
            and not any(self._holds_back(parent, busy) for parent in each.parents)
        ]

    def _holds_back(self, parent: str, busy: set[str]) -> bool:
        if parent in busy:
            return True
        return parent in self._listed and parent not in self._ended
