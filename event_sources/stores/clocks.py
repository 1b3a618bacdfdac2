"""By which clock a claim is over: never by what one worker's machine takes for the time of day,
which may be set, or be a day ahead of another's.

A machine has one clock that is never set, which its processes share while it runs (`this_boot`).  A
server that tells the time with its answers is one clock for all who ask it (`ServerTime`).  Where
there is neither, who waits for a claim looks how long it stands as it is (`Watched`).  Nothing here
knows a store.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path


class Watched:
    """Claims of others, by how long they have been seen to stand as they are: one is over when who
    waits for it has seen it stand for its length without a renewal.

    steady: seconds that are never set

    >>> now = iter((0.0, 4.0, 10.0))
    >>> watched = Watched(lambda: next(now))
    >>> [watched.left("k", "as it is", 10.0) for _ in range(3)]
    [10.0, 6.0, 0.0]
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic, most: int = 10_000) -> None:
        self._steady, self._most = steady, most
        self._seen: dict[str, tuple[str, float]] = {}  # key > how it stands, since when

    def left(self, key: str, stands: str, length: float) -> float:
        """Seconds until it is over, as far as can be told; 0 when it is.

        stands: anything that a renewal changes
        """
        now = self._steady()
        seen = self._seen.get(key)
        if seen is None or seen[0] != stands:
            self._seen.pop(key, None)
            seen = self._seen[key] = stands, now
            if len(self._seen) > self._most:
                del self._seen[next(iter(self._seen))]
        left = seen[1] + length - now
        if left > 0:
            return left
        del self._seen[key]
        return 0.0


class ServerTime:
    """The time of a server that says it with each answer, by the header `Date` (RFC 9110, 6.6.1) in
    whole seconds; between two answers by a clock that is never set.

    >>> steady = iter((10.5, 12.5))
    >>> server = ServerTime(lambda: next(steady))
    >>> server.heard("Thu, 01 Jan 1970 00:01:40 GMT", asked=10.0)
    >>> server.earliest(), server.known
    (102.0, True)
    """

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._said: tuple[float, float, float] | None = None  # what, when we asked, when it came

    @property
    def known(self) -> bool:
        """Whether it has ever said it."""
        return self._said is not None

    def heard(self, date: str | None, asked: float) -> None:
        """An answer has come.  A date that is none is passed over.

        asked: when it was asked, by the steady clock
        """
        try:
            said = parsedate_to_datetime(date or "").timestamp()
        except ValueError:
            return
        self._said = said, asked, self._steady()

    def earliest(self) -> float:
        """It is not earlier there, in seconds since the epoch: by this, others' claims end."""
        said, _, came = self._told()
        return said + self._steady() - came

    def latest(self) -> float:
        """It is not later there: from this on, our own claims last."""
        said, asked, _ = self._told()
        return said + 1 + self._steady() - asked

    def _told(self) -> tuple[float, float, float]:
        if self._said is None:
            raise LookupError("the server has not said what time it is")
        return self._said


def this_boot() -> str:
    """Names the time since this machine was started, in which all its processes that share a clock
    share `time.monotonic`; "" where the system has no name for it (it is Linux's)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    clock = Path("/proc/self/ns/time")  # a container may have one of its own
    return f"{boot} {os.readlink(clock)}" if clock.exists() else boot
