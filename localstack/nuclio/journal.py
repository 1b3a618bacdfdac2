"""What a replica has logged, kept in order, to be read at once or followed as it comes.

It knows no function and no HTTP; it keeps the last lines only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

KEEP = 2000


@dataclass(frozen=True, slots=True)
class Since:
    """Which records are wanted: of the last `age` seconds, and of those the last `lines`."""

    age: float | None = None
    lines: int | None = None

    def pick(self, records: list[dict[str, Any]], now: float) -> list[dict[str, Any]]:
        """
        >>> records = [{"time": 1000.0}, {"time": 2000.0}, {"time": 3000.0}]
        >>> Since(1.5).pick(records, 3.0), Since(lines=1).pick(records, 3.0)
        ([{'time': 2000.0}, {'time': 3000.0}], [{'time': 3000.0}])
        """
        if self.age is not None:
            first = (now - self.age) * 1000
            records = [each for each in records if each["time"] >= first]
        return records if self.lines is None else records[max(0, len(records) - self.lines) :]


class Journal:
    """Records with a `time` in milliseconds; `now` tells seconds of the same clock."""

    def __init__(self, now: Callable[[], float], keep: int = KEEP) -> None:
        self._now = now
        self._records: deque[dict[str, Any]] = deque(maxlen=keep)
        self._count = 0  # of all records that there ever were
        self._closed = False
        self._readers: set[asyncio.Event] = set()

    def append(self, record: dict[str, Any]) -> None:
        self._records.append(record)
        self._count += 1
        self._wake()

    def close(self) -> None:
        """Nothing more will come: who follows is at the end."""
        self._closed = True
        self._wake()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._records)

    def read(self, since: Since = Since()) -> list[dict[str, Any]]:
        """What is there."""
        return since.pick(list(self._records), self._now())

    async def follow(self, since: Since = Since()) -> AsyncIterator[dict[str, Any]]:
        """What is there, then what comes, until the journal is closed.

        Who reads more slowly than is written misses the records that are no longer kept.
        """
        news = asyncio.Event()
        self._readers.add(news)
        try:
            seen = self._count
            for record in self.read(since):
                yield record
            while True:
                for record in self._after(seen):
                    yield record
                    seen += 1
                seen = max(seen, self._count - len(self._records))
                if seen == self._count:
                    if self._closed:
                        return
                    news.clear()
                    await news.wait()
        finally:
            self._readers.discard(news)

    def _after(self, seen: int) -> list[dict[str, Any]]:
        new = min(self._count - seen, len(self._records))
        return list(islice(self._records, len(self._records) - new, None))

    def _wake(self) -> None:
        for each in self._readers:
            each.set()
