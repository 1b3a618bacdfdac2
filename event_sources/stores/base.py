"""What every store does: let one worker claim a message, and remember that it is done.

A claim that is neither kept nor released in its time (its worker was killed) is anybody's again,
also where a clock was set back meanwhile (`Watched`).
Beside the claims it keeps marks and notes: how far somebody has come, as a number or a text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class Claim:
    """What a store says to who wants to begin on a key.

    token: says that it is yours; "" when it is not
    done:  it is done already
    after: seconds until another's claim ends, when it is neither yours nor done
    """

    token: str = ""
    done: bool = False
    after: float = 0.0


class Store(Protocol):
    """Claims by key.  Every call may raise `Away` or OSError."""

    async def claim(self, keys: Sequence[str], seconds: float) -> list[Claim]:
        """Begin on each of these, for `seconds` at the most; keys are each named once."""

    async def keep(self, tokens: Mapping[str, str], seconds: float) -> None:
        """These keys are done: remember it for `seconds`.  A claim that is over is passed over."""

    async def release(self, tokens: Mapping[str, str]) -> None:
        """These keys have failed: the next who wants to may begin at once."""

    async def renew(self, tokens: Mapping[str, str], seconds: float) -> None:
        """These are still in hand: their claims last for `seconds` from now on.  One that is over
        is passed over."""

    async def mark(self, key: str) -> float | None:
        """The mark of that key; None where none was set.  Its keys are no claim's."""

    async def set_mark(self, key: str, value: float) -> None:
        """Set the mark of that key; it is never forgotten."""

    async def note(self, key: str) -> str:
        """The note of that key; "" where none was set.  Its keys are no mark's and no claim's."""

    async def set_note(self, key: str, text: str) -> None:
        """Set the note of that key; it is never forgotten."""

    async def close(self) -> None:
        """Give connections back."""


class Watched:
    """Claims of others, by how long they have been seen to stand as they are.

    An end is a time of the machine's clock, which may be set back, or be another machine's.  So a
    claim is over, too, when who waits for it has seen it stand for its length without a renewal.

    steady: seconds that are never set

    >>> now = iter((0.0, 4.0, 10.0))
    >>> watched = Watched(lambda: next(now))
    >>> [watched.left("k", "t", ends=3_600.0, length=10.0, now=0.0) for _ in range(3)]
    [10.0, 6.0, 0.0]
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic, most: int = 10_000) -> None:
        self._steady, self._most = steady, most
        self._seen: dict[str, tuple[str, float, float]] = {}  # key > token, ends, since

    def left(self, key: str, token: str, *, ends: float, length: float, now: float) -> float:
        """Seconds until another's claim is over, as far as can be told; 0 when it is.

        length: for how long it was claimed; 0 where it does not say, and its end alone counts
        """
        left, steady = ends - now, self._steady()
        if left <= 0:
            self._seen.pop(key, None)
            return 0.0
        seen = self._seen.get(key)
        if seen is None or seen[:2] != (token, ends):
            self._seen.pop(key, None)
            seen = self._seen[key] = token, ends, steady
            if len(self._seen) > self._most:
                del self._seen[next(iter(self._seen))]
        return max(0.0, min(left, seen[2] + length - steady)) if length else left


def new_token() -> str:
    return uuid4().hex
