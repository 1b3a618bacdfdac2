"""A message of Kafka's, whose fields are read from the client library's own when somebody asks: of
most messages nobody asks for all, and of many thousands a second each field counts.  Only what a
delivery needs of every one is made at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..message import Message

Part = tuple[str, int]  # a topic and the number of one of its partitions


class KafkaMessage(Message):
    """
    found:  the client library's
    part:   where it is;  offset: its number there
    """

    __slots__ = ("found", "offset", "part")
    # One made by hand is frozen; here `__init__` writes slots, by nothing slower than that.
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__
    attempt = 1

    def __init__(self, found: Any, id: str, lane: str, part: Part, offset: int) -> None:
        self.found, self.id, self.lane, self.part, self.offset = found, id, lane, part, offset  # type: ignore[misc]

    @property
    def body(self) -> bytes:
        value: bytes | None = self.found.value()
        return value or b""

    @property
    def topic(self) -> str:
        return self.part[0]

    @property
    def partition(self) -> int:
        return self.part[1]

    @property
    def key(self) -> str:
        return _text(self.raw)

    @property
    def headers(self) -> Mapping[str, str]:
        return {name: _text(value) for name, value in self.found.headers() or ()}

    @property
    def position(self) -> str:
        return str(self.offset)

    @property
    def timestamp(self) -> float | None:
        kind, milliseconds = self.found.timestamp()
        return milliseconds / 1000 if kind else None

    @property
    def raw(self) -> bytes | str | None:
        """Its key, as it came."""
        key: bytes | str | None = self.found.key()
        return key


def maker(by_key: bool, one_topic: bool) -> Callable[[Sequence[Any]], list[KafkaMessage]]:
    """What makes ours of the library's.

    by_key: a key is a lane; else a partition is;  one_topic: lanes need not say which
    """
    known: dict[tuple[str | None, int], tuple[Part, str, str, str]] = {}

    def names(found: Any, place: tuple[str | None, int]) -> tuple[Part, str, str, str]:
        topic, partition = part = (found.topic(), found.partition())
        before = "" if one_topic else f"{topic}/"
        said = (part, f"{topic}/{partition}/", before, f"{before}{partition}")
        return known.setdefault(place, said)

    def make(all_found: Sequence[Any]) -> list[KafkaMessage]:
        # Each word of the client library counts, and each name that is looked up.
        made, last, ours, new, topic = [], -1, KafkaMessage, object.__new__, None
        for found in all_found:
            partition = found.partition()
            if partition != last or not one_topic:
                last, topic = partition, None if one_topic else found.topic()
                place = (topic, partition)
                part, begin, before, lane = known.get(place) or names(found, place)
            own = lane
            if by_key and (key := found.key()):
                own = before + (key.decode("utf-8", "replace") if type(key) is bytes else key)
            offset = found.offset()
            one = new(ours)  # what `__init__` does, without the call
            one.found, one.id, one.lane = found, f"{begin}{offset}", own  # type: ignore[misc]
            one.part, one.offset = part, offset
            made.append(one)
        return made

    return make


def _text(value: bytes | str | None) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value or ""
