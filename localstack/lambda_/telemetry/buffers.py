"""What waits for a subscriber: one batch that gathers, and batches that are whole, bounded.

Sans IO and sans time: who uses it says when a batch is old, and takes whole ones to deliver.
"""

from __future__ import annotations

from collections import deque

# Whole batches that may wait while a subscriber does not take them; what is told then is dropped.
MOST_BATCHES = 16


class Buffer:
    """Gathers encoded events into batches of at most `max_items` events and about `max_bytes`.

    >>> buffer = Buffer(max_bytes=100, max_items=2)
    >>> [buffer.add(event) for event in (b"1", b"2", b"3")]
    [True, False, True]
    >>> buffer.take(), buffer.take()
    ([b'1', b'2'], None)
    >>> buffer.close_batch()
    >>> buffer.take()
    [b'3']
    """

    def __init__(self, max_bytes: int, max_items: int) -> None:
        self._max_bytes, self._max_items = max_bytes, max_items
        self._batch: list[bytes] = []
        self._size = 0
        self._whole: deque[list[bytes]] = deque()
        self._dropped, self._dropped_bytes = 0, 0

    def add(self, event: bytes) -> bool:
        """Keep one event; whether it began a batch (that is to be closed some time later)."""
        if len(self._whole) >= MOST_BATCHES:
            self._dropped += 1
            self._dropped_bytes += len(event)
            return False
        began = not self._batch
        self._batch.append(event)
        self._size += len(event)
        if len(self._batch) >= self._max_items or self._size >= self._max_bytes:
            self.close_batch()
            return False
        return began

    def close_batch(self) -> None:
        """The batch that gathers is whole as it is."""
        if self._batch:
            self._whole.append(self._batch)
            self._batch, self._size = [], 0

    def take(self) -> list[bytes] | None:
        """The oldest whole batch, which is the caller's now; None when there is none."""
        return self._whole.popleft() if self._whole else None

    def take_dropped(self) -> tuple[int, int]:
        """Events and bytes that were dropped since the last call."""
        dropped = self._dropped, self._dropped_bytes
        self._dropped, self._dropped_bytes = 0, 0
        return dropped

    @property
    def has_whole(self) -> bool:
        return bool(self._whole)

    @property
    def empty(self) -> bool:
        return not self._batch and not self._whole
