"""What a bridge says of one way: how it is, when that changes, and why messages failed, once each.

It decides nothing, and knows no source; of many messages that fail alike its reader sees one line.
"""

from __future__ import annotations

from collections.abc import Callable

from ..event_sources import Failed
from ..event_sources.delivery.status import READY, Status

REASONS = 100  # that are remembered; who fails in more ways has said enough


class Saying:
    """
    >>> said = Saying(print)
    >>> for _ in range(2):
    ...     said.state(Status(READY))
    ...     said.failed("7", Failed("ValueError: no"))
    ready
    ready: message 7 failed: ValueError: no
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
        if not asked and failed.reason not in self._reasons and len(self._reasons) < REASONS:
            self._reasons.add(failed.reason)
            self._told(Status(READY, f"message {id} failed: {failed.reason}"))
