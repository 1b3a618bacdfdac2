"""`Message`: what one function of a graph sends the next one, as one JSON text on any broker."""

from __future__ import annotations

import json
from typing import Any

from ..handlers.delivery import Delivery

MARK = "pelton"  # names the form, so that a message of somebody else is told from ours
FORM = 1


class Message:
    """An event on its way.

    value:           what the next step takes, JSON-ready
    graph, step:     the graph's name, and the path of the step it is for
    idempotency_key, correlation_id, traceparent: see `Delivery`
    group:           events of one group keep their order; "" for none
    reason:          of a dead letter: step, error, digest, attempt, queue

    >>> message = Message({"n": 1}, "g", "g/score", "7")
    >>> Message.from_text(message.text(), "").value
    {'n': 1}
    """

    __slots__ = (
        "correlation_id", "graph", "group", "idempotency_key", "reason", "step", "traceparent",
        "value",
    )  # fmt: skip

    def __init__(
        self,
        value: Any,
        graph: str = "",
        step: str = "",
        idempotency_key: str = "",
        correlation_id: str = "",
        traceparent: str = "",
        group: str = "",
        reason: dict[str, Any] | None = None,
    ) -> None:
        self.value, self.graph, self.step = value, graph, step
        self.idempotency_key, self.correlation_id = idempotency_key, correlation_id
        self.traceparent, self.group, self.reason = traceparent, group, reason

    def text(self) -> str:
        """The message as JSON; raises `ValueError` for a value that JSON has no form for."""
        known = {"key": self.idempotency_key, "correlation": self.correlation_id}
        more = {"traceparent": self.traceparent, "group": self.group, "reason": self.reason}
        told = {MARK: FORM, "graph": self.graph, "step": self.step, **known}
        told |= {name: each for name, each in more.items() if each}
        return json.dumps({**told, "value": self.value}, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str | bytes, broker_id: str) -> Message:
        """The message that a broker gave.

        What is no message of ours is taken for the value itself, under the broker's own id, so that
        anybody may send to a graph's queue.  Raises `ValueError` for what is no JSON.
        """
        return cls.of(json.loads(text), broker_id)

    @classmethod
    def of(cls, told: Any, broker_id: str) -> Message:
        """`from_text` for what is parsed already."""
        if not isinstance(told, dict) or told.get(MARK) != FORM:
            return cls(told, idempotency_key=broker_id, correlation_id=broker_id)
        return cls(
            told["value"],
            told["graph"],
            told["step"],
            told["key"],
            told["correlation"],
            told.get("traceparent", ""),
            told.get("group", ""),
            told.get("reason"),
        )

    def dead(self, reason: dict[str, Any]) -> Message:
        """This message as a dead letter."""
        return Message(
            self.value,
            self.graph,
            self.step,
            self.idempotency_key,
            self.correlation_id,
            self.traceparent,
            self.group,
            reason,
        )

    def delivery(self, attempt: int, queue: str) -> Delivery:
        """What steps are told of the message."""
        key, first = self.idempotency_key, self.correlation_id
        return Delivery(key, first, attempt, self.traceparent, queue)
