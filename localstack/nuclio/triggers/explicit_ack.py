"""Explicit acknowledgement: which messages of a partition a function says itself that are done.

A mark stands at an offset, and all before it is done, said or not: so a message that was kept back
is done when one behind it is.  Source: Nuclio's public pkg/processor/trigger/kafka/trigger.go
(`eventSubmitter`, `explicitAckHandler`, `resolveNoAckMessage`).
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ....event_sources import Message
from .. import wire

DISABLE, ENABLE, ONLY = "disable", "enable", "explicitOnly"
Place = tuple[str, int]


class Marks:
    """How far each partition is done, and what is kept back of it.

    only: a message is done when the function says so, and never by its answer; else by its answer,
          unless that says no-ack
    """

    def __init__(self, *, only: bool) -> None:
        self._only = only
        self._marks: dict[Place, int] = {}
        self._kept: defaultdict[Place, dict[int, str]] = defaultdict(dict)

    def keeps(self, reply: wire.Reply | None) -> bool:
        """Whether an event that ended so (None: that no worker took to its end) is not done yet."""
        return self._only or (reply is not None and not reply.acknowledges)

    def ended(self, message: Message, *, kept: bool) -> tuple[bool, list[str]]:
        """A message's event has ended: whether it is still kept back, and the ids of those before
        it that are done with it."""
        place, offset = (message.topic, message.partition), int(message.position)
        if not kept:
            return False, self._mark(place, offset)
        if offset <= self._marks.get(place, -1):
            return False, []
        self._kept[place][offset] = message.id
        return True, []

    def acked(self, ack: wire.Ack) -> list[str]:
        """The function has said it: the ids of those that are done now."""
        return self._mark((ack.topic, ack.partition), ack.offset)

    def _mark(self, place: Place, offset: int) -> list[str]:
        self._marks[place] = max(offset, self._marks.get(place, -1))
        kept, done = self._kept[place], list[str]()
        while kept and (first := next(iter(kept))) <= offset:  # they ended in their order
            done.append(kept.pop(first))
        return done


def marks_of(name: str, settings: dict[str, Any]) -> Marks | None:
    """As the trigger's `explicitAckMode` says; None where it is not enabled.  Raises ValueError.

    >>> marks_of("k", {"explicitAckMode": "disable"})
    >>> marks_of("k", {"explicitAckMode": "enable"})
    Traceback (most recent call last):
    ValueError: trigger 'k': explicitAckMode 'enable' needs workerAllocationMode static
    """
    mode = settings.get("explicitAckMode") or DISABLE
    if mode not in (DISABLE, ENABLE, ONLY):
        raise ValueError(f"trigger {name!r}: explicitAckMode must be {DISABLE}, {ENABLE} or {ONLY}")
    if mode == DISABLE:
        return None
    if (settings.get("attributes") or {}).get("workerAllocationMode") != "static":
        raise ValueError(
            f"trigger {name!r}: explicitAckMode {mode!r} needs workerAllocationMode static"
        )
    return Marks(only=mode == ONLY)
