"""How many batches of one queue may be in flight: more while a backlog lasts, few when it ends.

A table without a socket or a clock.  AWS begins with five and adds up to 300 a minute while
messages are left; here the ceiling without a MaximumConcurrency is what a desk machine carries.
A throttled function halves it.  Source: AWS's page on scaling of SQS mappings.
"""

from __future__ import annotations

START, STEP, EVERY = 5, 5, 1.0
CEILING = 50


class Scale:
    """The limit of batches in flight.

    most: MaximumConcurrency, or None

    >>> scale = Scale(None)
    >>> scale.limit, [scale.backlog(now) for now in (0.0, 0.5, 1.0, 2.0)], scale.idle()
    (5, [5, 5, 10, 15], 5)
    """

    def __init__(self, most: int | None) -> None:
        self._most = most or CEILING
        self.limit = min(START, self._most)
        self._since: float | None = None

    def backlog(self, now: float) -> int:
        """All slots are taken and messages are left; the limit from now on."""
        if self._since is None:
            self._since = now
        elif now - self._since >= EVERY:
            self._since = now
            self.limit = min(self._most, self.limit + STEP)
        return self.limit

    def idle(self) -> int:
        """The queue is empty."""
        self._since = None
        self.limit = min(START, self._most)
        return self.limit

    def throttled(self) -> int:
        self._since = None
        self.limit = max(1, self.limit // 2)
        return self.limit
