"""What sources give and are given back: frozen data, whatever the broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, init=False)
class Message:
    """One message, as a broker has handed it out.

    id:        tells it from every other message of its source; the same when it comes again
    body:      its bytes, untouched
    topic:     where it was sent: subject, stream, channel, topic, folder
    key:       what its sender ordered it by; "" without one
    lane:      within one lane, messages are delivered one after the other; "" for those that
               have no order: a key, a partition, a group, a subject
    partition: the broker's own part of a topic; -1 where it has none
    headers:   as they came, names too
    position:  the place in the source: sequence number, offset, entry id; "" where there is none
    timestamp: seconds since the epoch, by the broker; None where it does not say
    attempt:   how often it has been handed out, this time included; 1 where nobody counts
    raw:       what the source needs to acknowledge it; nobody else's matter

    >>> Message("1", b"{}", topic="orders").headers
    {}
    """

    id: str
    body: bytes
    topic: str = ""
    key: str = ""
    lane: str = ""
    partition: int = -1
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    position: str = ""
    timestamp: float | None = None
    attempt: int = 1
    raw: Any = field(default=None, compare=False, repr=False)

    # As the one that is made for a frozen class, in half the time: one is made for every message.
    def __init__(
        self,
        id: str,
        body: bytes,
        topic: str = "",
        key: str = "",
        lane: str = "",
        partition: int = -1,
        headers: Mapping[str, str] = _NOTHING,
        position: str = "",
        timestamp: float | None = None,
        attempt: int = 1,
        raw: Any = None,
    ) -> None:
        _set_id(self, id)
        _set_body(self, body)
        _set_topic(self, topic)
        _set_key(self, key)
        _set_lane(self, lane)
        _set_partition(self, partition)
        _set_headers(self, headers)
        _set_position(self, position)
        _set_timestamp(self, timestamp)
        _set_attempt(self, attempt)
        _set_raw(self, raw)


def slots_of(kind: type, *names: str) -> list[Callable[[Any, Any], None]]:
    """What sets those fields of a frozen class with slots, for its own `__init__`."""
    return [getattr(kind, each).__set__ for each in names]


_set_id, _set_body, _set_topic, _set_key, _set_lane = slots_of(
    Message, "id", "body", "topic", "key", "lane"
)
_set_partition, _set_headers, _set_position, _set_timestamp, _set_attempt, _set_raw = slots_of(
    Message, "partition", "headers", "position", "timestamp", "attempt", "raw"
)


@dataclass(frozen=True, slots=True)
class Lost:
    """These lanes are somebody else's now (a rebalance): what of them is not in hand is forgotten.

    partition: of which part of the topic; every message of it
    """

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that was given up: a dead letter, with why and with all that it was.

    reason:   the last failure, in words
    attempts: how often it was tried: 0 for one that was too old before its first time.  Where it
              never failed by itself, how often it was begun on, as far as the broker counts that
    at:       when it was given up, in seconds since the epoch
    source:   the kind of the source that it came by
    """

    message: Message
    reason: str
    attempts: int
    at: float
    source: str = ""

    def headers(self) -> dict[str, str]:
        """What is known of it, as headers beside its own.

        >>> letter = Letter(Message("7", b"", "orders", headers={"a": "b"}), "no JSON", 3, 0.0)
        >>> letter.headers()["dead-letter-reason"], letter.headers()["a"]
        ('no JSON', 'b')
        """
        message = self.message
        said = {
            "reason": self.reason,
            "attempts": str(self.attempts),
            "time": f"{self.at:.3f}",
            "source": self.source,
            "topic": message.topic,
            "id": message.id,
            "key": message.key,
            "position": message.position,
            "partition": str(message.partition) if message.partition >= 0 else "",
            "timestamp": "" if message.timestamp is None else f"{message.timestamp:.3f}",
        }
        told = {f"dead-letter-{name}": _line(value) for name, value in said.items() if value}
        own = {name: _encodable(value) for name, value in message.headers.items()}
        return {**own, **told}


def _line(text: str) -> str:
    r"""A header is one line, since brokers end it there, of what can be printed: what cannot is
    escaped, for some brokers take no NUL, and none takes half of a surrogate pair.

    >>> _line("a\nb \ud800\0")
    'a b \\ud800\\x00'
    """
    line = " ".join(text.split())[:1000]
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else _escaped(each) for each in line)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def _encodable(text: str) -> str:
    """As it is, but for halves of surrogate pairs, which no encoding has."""
    return text.encode("utf-8", "backslashreplace").decode()
