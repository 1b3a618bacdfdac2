"""Dead letters: what is kept of an event that failed, and where a letter can be put.

A letter that was not taken is an error: the event is then not done with.
"""

from __future__ import annotations

import json
from _thread import allocate_lock
from typing import TYPE_CHECKING, Any, TypedDict

from ..handlers.codec.faults import Fault
from ..handlers.codec.plain import to_json
from .digest import digest

if TYPE_CHECKING:
    from .brokers.base import Broker
    from .steps.queue import Address


class DeadLetter(TypedDict):
    """An event that failed.

    reason:       the error's text
    error:        the error's class
    step:         the path of the step that raised it
    input_digest: of `input`, as logs and answers have it
    attempts:     how often it was tried
    request_id:   the platform's id of the event; "" where there is none
    input:        what the step was given, untouched
    """

    reason: str
    error: str
    step: str
    input_digest: str
    attempts: int
    request_id: str
    input: Any


def letter(error: Exception, path: str, value: Any, attempts: int, context: Any) -> DeadLetter:
    """The letter for an event that a step failed on."""
    return {
        "reason": str(error),
        "error": type(error).__name__,
        "step": getattr(error, "step", path),
        "input_digest": digest(value),
        "attempts": attempts,
        "request_id": "" if context is None else context.request_id,
        "input": value,
    }


def readable(value: Any) -> Any:
    """An input as JSON; as its text, where it has no form as JSON.

    >>> readable({1, 1}), readable(len)
    ([1], '<built-in function len>')
    """
    try:
        return to_json(value)
    except Fault:
        return repr(value)


class File:
    """Letters as JSON lines at the end of a file, each on the disk before it counts as taken."""

    def __init__(self, path: str) -> None:
        self.path, self._lock = path, allocate_lock()

    def load(self) -> None:
        """Raises `FileNotFoundError` where the file's folder is not there."""
        import os

        folder = os.path.dirname(self.path) or "."
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"dead letters go to {self.path!r}, whose folder is not there")

    def put(self, one: DeadLetter, context: Any) -> None:
        """Raises `OSError` when the line was not written."""
        import os

        line = json.dumps({**one, "input": readable(one["input"])}) + "\n"
        with self._lock, open(self.path, "a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


class Mailbox:
    """Letters as messages of a queue, in the form that a graph's own dead letters have."""

    def __init__(self, broker: Broker, address: Address) -> None:
        self.broker, self.address = broker, address

    def put(self, one: DeadLetter, context: Any) -> None:
        """Raises `NoSuchQueue` or `NotSent` when the queue did not take it."""
        from .brokers.base import NotSent
        from .message import Message

        delivery = getattr(context, "delivery", None)
        told = {name: each for name, each in one.items() if name != "input"}
        message = Message(
            readable(one["input"]),
            one["step"].partition("/")[0],
            one["step"],
            delivery.idempotency_key if delivery else one["request_id"],
            delivery.correlation_id if delivery else one["request_id"],
            reason=told,
        )
        (said,) = self.broker.send(self.address, [message])
        if isinstance(said, NotSent):
            raise said
