"""A store inside one process: for tests, and for workers that live long."""

from __future__ import annotations

import time
from collections.abc import Callable

from .base import Claim, Store, new_token


class MemoryStore:
    """See `base.Store`.  now: seconds, of the clock that claims and answers go by.

    >>> store = MemoryStore("memory:")
    >>> first = store.claim("k", 60)
    >>> store.claim("k", 60).token, store.keep("k", first.token, "7", 60)
    ('', True)
    >>> store.claim("k", 60).answer
    '7'
    """

    def __init__(self, url: str, now: Callable[[], float] = time.time) -> None:
        from _thread import allocate_lock

        self.url, self.now = url, now
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
                self._kept[key] = (token, answer, self.now() + seconds)
            return ours

    def release(self, key: str, token: str) -> None:
        with self._lock:
            if self._kept.get(key, ("", "", 0.0))[:2] == (token, None):
                del self._kept[key]

    def close(self) -> None:
        """Nothing to give back."""


def at(url: str) -> Store:
    return MemoryStore(url)
