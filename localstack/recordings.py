"""Recordings of what functions are called with and what they answer, for whoever asks for one.

A recording is begun for one function, fills up to a bound, and is taken bit by bit; while none is
begun, a call costs nothing more.  What is private in an event is for whoever takes it to remove:
nothing is written anywhere here.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock

MOST_EVENTS, MOST_BYTES = 10_000, 64 << 20
FORGOTTEN = 600.0  # seconds after which a recording that nobody takes from ends
Event = dict[str, Any]


@dataclass(slots=True)
class _Recording:
    platform: str
    function: str
    taken: float
    events: list[Event] = field(default_factory=list)
    size: int = 0
    left_out: int = 0


class Recordings:
    """All recordings of one emulator.

    >>> from .manual_clock import ManualClock
    >>> recordings = Recordings(ManualClock())
    >>> number = recordings.begin("lambda", "f")
    >>> recordings.note("lambda", "f", b"{}", b'"done"', "", 0.002, request_id="r")
    >>> recordings.take(number)["events"][0]["answer"], recordings.take(number)["events"]
    ('"done"', [])
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all: dict[str, _Recording] = {}

    @property
    def any(self) -> bool:
        """Whether there is one at all: who calls a function need not say anything otherwise."""
        return bool(self._all)

    def begin(self, platform: str, function: str) -> str:
        """Record a function's calls from now on; the recording's number."""
        now = self._clock.time()
        for number in [n for n, each in self._all.items() if now - each.taken > FORGOTTEN]:
            del self._all[number]
        number = secrets.token_hex(8)
        self._all[number] = _Recording(platform, function, now)
        return number

    def note(
        self,
        platform: str,
        function: str,
        event: bytes,
        answer: bytes,
        error: str,
        seconds: float,
        **more: Any,
    ) -> None:
        """A call has ended.

        event, answer: as the platform carries them;  error: "" for success
        seconds:       how long it took;  more: further members of the event's record
        """
        for each in self._all.values():
            if (each.platform, each.function) != (platform, function):
                continue
            size = len(event) + len(answer)
            if len(each.events) >= MOST_EVENTS or each.size + size > MOST_BYTES:
                each.left_out += 1
                continue
            each.size += size
            each.events.append(
                {
                    "time": self._clock.time(),
                    "event": event.decode("utf-8", "replace"),
                    "answer": answer.decode("utf-8", "replace"),
                    "error": error,
                    "milliseconds": round(seconds * 1000, 3),
                    **more,
                }
            )

    def take(self, number: str) -> Mapping[str, Any]:
        """What a recording has since it was taken from last; {} for one that is not there."""
        found = self._all.get(number)
        if found is None:
            return {}
        found.taken = self._clock.time()
        events, found.events, found.size = found.events, [], 0
        left_out, found.left_out = found.left_out, 0
        return {"events": events, "left_out": left_out}

    def end(self, number: str) -> None:
        """Forget it."""
        self._all.pop(number, None)
