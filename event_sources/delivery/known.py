"""Which messages were done here: known when they come again, their acknowledgement being lost.

Ids are kept in two generations: to forget one id at a time is dear, and so many are remembered at
least.
"""

from __future__ import annotations

from collections.abc import Collection


class Known:
    """
    most: ids that are remembered at least, the last ones

    >>> known = Known(1)
    >>> for id in ("a", "b", "c", "d", "e"):
    ...     known.add(id)
    >>> "a" in known, "d" in known, "e" in known
    (False, True, True)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._now, self._before = set[str](), set[str]()

    def __contains__(self, id: str) -> bool:
        return id in self._now or id in self._before

    def isdisjoint(self, ids: Collection[str]) -> bool:
        """Whether none of them is known."""
        return self._now.isdisjoint(ids) and self._before.isdisjoint(ids)

    def add(self, id: str) -> None:
        self._now.add(id)
        self._forget()

    def update(self, ids: Collection[str]) -> None:
        self._now.update(ids)
        self._forget()

    def _forget(self) -> None:
        if len(self._now) > self._most:
            self._before = self._now if self._most else set()
            self._now = set()
