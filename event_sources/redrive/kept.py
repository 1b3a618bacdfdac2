"""A dead letter as it is found in its place: what it was, and why it is there.  The other end of
`message.Letter.headers` and of `dead_letters.file.as_dict`; it knows no broker.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..message import Message

SAID = "dead-letter-"
AGAIN = f"{SAID}redriven"  # how often it was sent again: it stays with the message
_WORDS = (
    *("reason", "attempts", "time", "source", "topic", "id", "key", "position"),
    *("partition", "timestamp"),
)


@dataclass(frozen=True)
class Kept:
    """One letter.

    id:        tells it from the others of its place
    body:      the message's own
    headers:   its own, without what was said of it as a letter
    source:    the kind of the source that it came by; "" where nobody has said so
    topic:     where it was sent: subject, stream, queue …; "" where nobody has said so
    key, partition, timestamp, position: as the message had them
    reason:    why it is here;  attempts: after so many tries
    at:        when it was given up, in seconds since the epoch; None where nobody has said so
    redriven:  how often it was sent again before
    raw:       what its place needs to send it and to take it away; nobody else's matter
    """

    id: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    topic: str = ""
    key: str = ""
    partition: int = -1
    position: str = ""
    timestamp: float | None = None
    reason: str = ""
    attempts: int = 0
    at: float | None = None
    redriven: int = 0
    message_id: str = ""
    raw: Any = field(default=None, compare=False, repr=False)

    @property
    def lane(self) -> tuple[str, str]:
        """Within it, letters are sent one behind the other."""
        return self.topic, self.key

    @property
    def again(self) -> dict[str, str]:
        """The headers that it is sent with: its own, and how often it was redriven.

        >>> Kept("1", b"", {"a": "b"}, redriven=1).again
        {'a': 'b', 'dead-letter-redriven': '2'}
        """
        return {**self.headers, AGAIN: str(self.redriven + 1)}

    @property
    def message(self) -> Message:
        """As a source would hand it out."""
        return Message(
            self.message_id or self.id,
            self.body,
            topic=self.topic,
            key=self.key,
            lane=self.key or self.topic,
            partition=self.partition,
            headers=self.again,
            position=self.position,
            timestamp=self.timestamp,
        )


def of_headers(id: str, body: bytes, headers: Mapping[str, str], raw: Any = None) -> Kept:
    """A letter by its headers, as brokers have it.

    >>> told = {"a": "b", "dead-letter-reason": "no JSON", "dead-letter-topic": "orders"}
    >>> found = of_headers("7", b"{", told)
    >>> found.reason, found.topic, found.headers
    ('no JSON', 'orders', {'a': 'b'})
    """
    said = {name: headers.get(SAID + name, "") for name in _WORDS}
    own = {name: value for name, value in headers.items() if name.removeprefix(SAID) not in said}
    again = own.pop(AGAIN, "")
    return Kept(
        id,
        body,
        own,
        source=said["source"],
        topic=said["topic"],
        key=said["key"],
        partition=_whole(said["partition"], -1),
        position=said["position"],
        timestamp=_number(said["timestamp"]),
        reason=said["reason"],
        attempts=_whole(said["attempts"], 0),
        at=_number(said["time"]),
        redriven=_whole(again, 0),
        message_id=said["id"],
        raw=raw,
    )


def of_dict(id: str, told: Mapping[str, Any], raw: Any = None, body: bytes | None = None) -> Kept:
    """A letter by its plain data (`as_dict`).  Raises ValueError for what is none.

    body: where it stands beside it

    >>> of_dict("1", {"reason": "r", "topic": "t", "headers": {}, "body": "x"}).body
    b'x'
    """
    if body is None:
        body = _body(told)
    if not isinstance(told.get("topic"), str) or "reason" not in told:
        raise ValueError("it does not say why it is one, or where it came from")
    own = {str(name): str(value) for name, value in dict(told.get("headers") or {}).items()}
    again = own.pop(AGAIN, "")
    return Kept(
        id,
        body,
        own,
        source=str(told.get("source", "")),
        topic=told["topic"],
        key=str(told.get("key", "")),
        partition=int(told.get("partition", -1)),
        position=str(told.get("position", "")),
        timestamp=told.get("timestamp"),
        reason=str(told["reason"]),
        attempts=int(told.get("attempts", 0)),
        at=told.get("at"),
        redriven=_whole(again, 0),
        message_id=str(told.get("id", "")),
        raw=raw,
    )


def _body(told: Mapping[str, Any]) -> bytes:
    if "body_base64" in told:
        return base64.b64decode(str(told["body_base64"]))
    if not isinstance(told.get("body"), str):
        raise ValueError("it has no body")
    return str(told["body"]).encode("utf-8", "surrogatepass")


def _number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _whole(text: str, default: int) -> int:
    """Somebody else's header may be of that name.

    >>> _whole("many", 0)
    0
    """
    return int(text) if text.isascii() and text.isdigit() else default
