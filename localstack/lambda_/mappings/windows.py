"""Tumbling windows of one shard: which is open, its state, and what the function is told of it.

Windows stand at multiples of their length; a record belongs to that of its arrival.  When one is
over the function is called a last time, without records, and the state is dropped.  Source: AWS's
pages on stateful processing of streams.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from .shards import window_of

STATE_MOST = 1024 * 1024  # bytes of JSON


class Windows:
    """The windows of one shard.

    >>> windows = Windows(60)
    >>> windows.enter(125.0)
    >>> windows.answered(b'{"state": {"count": 1}}'), windows.over(None, 179.0)
    (True, False)
    >>> windows.members(final=True)["window"], windows.over(None, 180.0), windows.over(181.0, 0.0)
    ({'start': '1970-01-01T00:02:00Z', 'end': '1970-01-01T00:03:00Z'}, True, True)
    """

    def __init__(self, span: int, kept: dict[str, Any] | None = None) -> None:
        self._span = span
        self._open: int | None = kept["open"] if kept else None
        self._state: Any = kept["state"] if kept else {}
        self.too_large = False

    @property
    def is_open(self) -> bool:
        return self._open is not None

    def document(self) -> dict[str, Any] | None:
        """What is kept over a restart; None when no window is open."""
        return None if self._open is None else {"open": self._open, "state": self._state}

    def enter(self, arrival: float) -> None:
        """Records of this arrival are to be processed."""
        if self._open is None:
            self._open, self._state = window_of(arrival, self._span), {}

    def over(self, arrival: float | None, now: float) -> bool:
        """Whether the open window is to be closed before the next record, or because of `now`.

        arrival: of the next record that waits, None when there is none
        """
        if self._open is None:
            return False
        if self.too_large:
            return True
        if arrival is not None:
            return window_of(arrival, self._span) != self._open
        return now >= self._open + self._span

    def end(self) -> float | None:
        return None if self._open is None else float(self._open + self._span)

    def members(self, final: bool) -> dict[str, Any]:
        """What the event has beside its records."""
        start = self._open or 0
        return {
            "window": {"start": _stamp(start), "end": _stamp(start + self._span)},
            "state": self._state,
            "isFinalInvokeForWindow": final,
            "isWindowTerminatedEarly": final and self.too_large,
        }

    def answered(self, payload: bytes) -> bool:
        """Take the state from an answer; False when it has none, which fails the call."""
        try:
            told = json.loads(payload or b"null")
        except ValueError:
            return False
        if not isinstance(told, dict) or not isinstance(told.get("state"), dict):
            return False
        self._state = told["state"]
        self.too_large = len(json.dumps(self._state)) > STATE_MOST
        return True

    def close(self) -> None:
        self._open, self._state, self.too_large = None, {}, False


def _stamp(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
