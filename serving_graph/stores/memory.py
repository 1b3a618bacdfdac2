"""A store inside one process: for tests, and for workers that live long.

It keeps the last answers only, as many as its memory is given.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .base import Claim, Store, new_token


class MemoryStore:
    """See `base.Store`.

    now:  seconds, of the clock that claims and answers go by
    most: how many answers are kept at the most; the oldest go first

    >>> store = MemoryStore("memory:")
    >>> first = store.claim("k", 60)
    >>> store.claim("k", 60).token, store.keep("k", first.token, "7", 60)
    ('', True)
    >>> store.claim("k", 60).answer
    '7'
    """

    def __init__(self, url: str, now: Callable[[], float] = time.time, most: int = 100_000) -> None:
        from _thread import allocate_lock

        self.url, self.now, self.most = url, now, most
        self._lock = allocate_lock()
        self._kept: dict[str, tuple[str, str | None, float]] = {}  # token, answer, its end

    def claim(self, key: str, seconds: float) -> Claim:
        with self._lock:
            now = self.now()
            _, answer, ends = self._kept.get(key, ("", None, now))
            if ends > now:
                return Claim(answer=answer, after=0.0 if answer is not None else ends - now)
            token = new_token()
            self._kept[key] = (token, None, now + seconds)
            return Claim(token)

    def keep(self, key: str, token: str, answer: str, seconds: float) -> bool:
        with self._lock:
            ours = self._kept.get(key, ("", "", 0.0))[:2] == (token, None)
            if ours:
                del self._kept[key]  # so that it is the newest
                self._kept[key] = (token, answer, self.now() + seconds)
                self._forget()
            return ours

    def _forget(self) -> None:
        """Work under way is left alone: there is no more of it than there are workers."""
        while len(self._kept) > self.most:
            oldest = next((key for key, kept in self._kept.items() if kept[1] is not None), None)
            if oldest is None:
                return
            del self._kept[oldest]

    def release(self, key: str, token: str) -> None:
        with self._lock:
            if self._kept.get(key, ("", "", 0.0))[:2] == (token, None):
                del self._kept[key]

    def close(self) -> None:
        """Nothing to give back."""


def at(url: str) -> Store:
    return MemoryStore(url)
