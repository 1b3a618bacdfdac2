"""Which messages of a Kafka partition were sent again: a group commits one offset, the oldest that
was not, and of those behind it says in the commit's own text which were.  Nothing else has to be
kept anywhere, and another machine goes on where one was killed.

Brokers take texts of up to 4,096 bytes (Kafka's documentation, "offset.metadata.max.bytes").
"""

from __future__ import annotations

import base64
import zlib
from binascii import Error

MOST = 4_000
_PART = 256  # offsets between two looks at the length, which add less than is left of the 4,096
_MARK = "pelton:1:"


class Done:
    """Those of one partition.

    >>> done = Done(5)
    >>> done.read(5), done.read(6), done.read(9), done.add(6), done.position
    (None, None, None, None, 5)
    >>> again = Done(*done.said)
    >>> 6 in again, 9 in again
    (True, False)
    """

    def __init__(self, position: int, said: str = "") -> None:
        self._base, self._bits = position, _bits_in(said)  # the lowest bit is the base's
        self._open: dict[int, None] = {}  # those that were read and are not done, in order
        self._next = position
        self._looked, self._full = -1, False

    def __contains__(self, offset: int) -> bool:
        return offset >= self._base and bool(self._bits >> (offset - self._base) & 1)

    def read(self, offset: int) -> None:
        """It is there."""
        self._next = offset + 1
        if offset not in self:
            self._open[offset] = None

    def add(self, offset: int) -> None:
        """It is done."""
        self._open.pop(offset, None)
        self._bits |= 1 << (offset - self._base)
        first = self.position
        self._bits >>= first - self._base
        self._base = first

    @property
    def position(self) -> int:
        """The oldest that is not done, or what comes behind all that was read."""
        return next(iter(self._open), self._next)

    @property
    def said(self) -> tuple[int, str]:
        """The position, and which behind it are done."""
        first = self.position
        return first, _text(self._bits >> (first - self._base))

    def fits(self, offset: int) -> bool:
        """Whether it can be kept that this one is done, too."""
        if offset - self.position < MOST * 5:  # 6 of them a character, if nothing repeats
            return True
        if self._looked != (part := offset // _PART):
            self._looked = part
            self._full = len(_text(self._bits | 1 << (offset - self._base))) > MOST
        return not self._full


def _text(bits: int) -> str:
    if not bits:
        return ""
    packed = zlib.compress(bits.to_bytes((bits.bit_length() + 7) // 8, "little"), 9)
    return _MARK + base64.b64encode(packed).decode()


def _bits_in(said: str) -> int:
    """Of a text that is somebody else's: none."""
    if not said.startswith(_MARK):
        return 0
    try:
        packed = base64.b64decode(said[len(_MARK) :])
        return int.from_bytes(zlib.decompress(packed), "little")
    except (Error, zlib.error):
        return 0
