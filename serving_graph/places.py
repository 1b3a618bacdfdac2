"""So many places, and a bounded queue before them: who is next, who is turned away.

Waits for nothing: who has to wait is given a ticket and is woken when the place is its own.  Safe
from several threads and loops at once.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections import deque
from collections.abc import Callable


class Ticket:
    """One that waits: `granted` once the place is its own, told by `wake`."""

    __slots__ = ("granted", "wake")

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake, self.granted = wake, False


class Places:
    """`places` at a time; first come, first served.

    most: how many may wait; None for no bound

    >>> woken = []
    >>> places = Places(1, most=1)
    >>> places.enter(lambda: None)  # there is room
    >>> ticket = places.enter(lambda: woken.append("second"))
    >>> places.full
    True
    >>> places.leave()
    >>> woken, ticket.granted
    (['second'], True)
    """

    def __init__(self, places: int, most: int | None) -> None:
        self._free, self._most = places, most
        self.taken = 0
        self._queue: deque[Ticket] = deque()
        self._lock = allocate_lock()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def full(self) -> bool:
        return not self._free and self._most is not None and len(self._queue) >= self._most

    def take(self) -> bool:
        """Whether there was a place at once, which is then taken."""
        with self._lock:
            return self._take()

    def _take(self) -> bool:
        if not self._free or self._queue:
            return False
        self._free -= 1
        self.taken += 1
        return True

    def enter(self, wake: Callable[[], None]) -> Ticket | None:
        """None for a place at once; a ticket to wait with.  Raises `Full`."""
        with self._lock:
            if self._take():
                return None
            if self.full:
                raise Full
            ticket = Ticket(wake)
            self._queue.append(ticket)
            return ticket

    def leave(self) -> None:
        """Give a place back: the first that waits has it."""
        with self._lock:
            if self._queue:
                ticket = self._queue.popleft()
                ticket.granted = True
            else:
                self._free += 1
                self.taken -= 1
                return
        ticket.wake()

    def give_up(self, ticket: Ticket) -> None:
        """Wait no longer; a place that was granted meanwhile goes to the next."""
        with self._lock:
            granted = ticket.granted
            if not granted:
                self._queue.remove(ticket)
        if granted:
            self.leave()


class Full(Exception):
    """Nobody else may wait."""
