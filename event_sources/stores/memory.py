"""A store inside one process: for tests, and for one worker alone.  It ends with its process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from .base import Claim, new_token


class MemoryStore:
    """now: seconds, of a clock that is never set

    >>> import asyncio
    >>> store = MemoryStore(now=lambda: 0.0)
    >>> (mine,), (theirs,) = (asyncio.run(store.claim(["a"], 5)) for _ in range(2))
    >>> bool(mine.token), theirs
    (True, Claim(token='', done=False, after=5.0))
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._claims: dict[str, tuple[str, bool, float]] = {}  # token, done, ends
        self._marks: dict[str, float] = {}
        self._notes: dict[str, str] = {}

    async def claim(self, keys: Sequence[str], seconds: float) -> list[Claim]:
        return [self._claim(each, seconds) for each in keys]

    def _claim(self, key: str, seconds: float) -> Claim:
        now, (_, done, ends) = self._now(), self._claims.get(key, ("", False, 0.0))
        if ends > now:
            return Claim(done=True) if done else Claim(after=ends - now)
        token = new_token()
        self._claims[key] = token, False, now + seconds
        return Claim(token)

    async def keep(self, tokens: Mapping[str, str], seconds: float) -> None:
        self._set(tokens, done=True, seconds=seconds)
        now = self._now()
        self._claims = {key: each for key, each in self._claims.items() if each[2] > now}

    async def renew(self, tokens: Mapping[str, str], seconds: float) -> None:
        self._set(tokens, done=False, seconds=seconds)

    async def release(self, tokens: Mapping[str, str]) -> None:
        for key in self._ours(tokens):
            del self._claims[key]

    async def mark(self, key: str) -> float | None:
        return self._marks.get(key)

    async def set_mark(self, key: str, value: float) -> None:
        self._marks[key] = value

    async def note(self, key: str) -> str:
        return self._notes.get(key, "")

    async def set_note(self, key: str, text: str) -> None:
        self._notes[key] = text

    async def close(self) -> None:
        """Nothing to give back."""

    def _set(self, tokens: Mapping[str, str], *, done: bool, seconds: float) -> None:
        for key in self._ours(tokens):
            self._claims[key] = tokens[key], done, self._now() + seconds

    def _ours(self, tokens: Mapping[str, str]) -> list[str]:
        """The keys whose claim is by that token, and not kept."""
        return [
            key for key, token in tokens.items() if self._claims.get(key, ())[:2] == (token, False)
        ]
