"""What a bridge says of one way: how it is, when that changes, and why messages failed, once each.

It decides nothing, and knows no source; of many messages that fail alike its reader sees one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..event_sources import Failed
from ..event_sources.delivery.status import READY, Status

_EACH = re.compile(r"RequestId: [0-9a-f-]{36}")  # Lambda names the call that ran out of time
REASONS = 100  # that are remembered; who fails in more ways has said enough


class Saying:
    """
    >>> said = Saying(print)
    >>> for _ in range(2):
    ...     said.state(Status(READY))
    ...     said.failed("7", Failed("ValueError: no"))
    ready
    ready: message 7 failed: ValueError: no
    >>> for call in "ab":  # of a function that takes too long
    ...     said.failed("8", Failed(f"RequestId: {call * 36} Error: Task timed out"))
    ready: message 8 failed: RequestId: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Error: Task timed out
    """

    def __init__(self, told: Callable[[Status], None]) -> None:
        self._told, self._last = told, Status()
        self._reasons: set[str] = set()

    def state(self, status: Status) -> None:
        if status != self._last:
            self._last = status
            self._told(status)

    def failed(self, id: str, failed: Failed) -> None:
        """Not who was held up, nor who asked to come again later."""
        asked = failed.after is not None or not failed.blame
        reason = _EACH.sub("", failed.reason)
        if not asked and reason not in self._reasons and len(self._reasons) < REASONS:
            self._reasons.add(reason)
            self._told(Status(READY, f"message {id} failed: {failed.reason}"))
