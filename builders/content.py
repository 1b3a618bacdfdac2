"""One file of an artifact: bytes that are here, or a member of an archive, compressed already.

Both say their size and digest without being read, and give their compressed form: a member gives it
as it lies, so that building neither unpacks nor compresses what a wheel holds.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

STORED, DEFLATED = 0, 8
LEVEL = 6
SMALL = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Packed:
    """A file as a zip holds it: its method there, the CRC-32 and size of what it was, the bytes."""

    method: int
    crc: int
    size: int
    data: bytes


class File(Protocol):
    """What an artifact asks of each of its files.  sha256: hex; size: in bytes."""

    @property
    def sha256(self) -> str: ...

    @property
    def size(self) -> int: ...

    def read(self) -> bytes: ...

    def head(self, size: int) -> bytes:
        """Its first bytes, so many at the most."""
        ...

    def packed(self) -> Packed: ...


Files = Mapping[str, File]


@dataclass(frozen=True)
class Held:
    """Bytes that are here.

    >>> Held(b"abc").size, Held(b"abc").packed().method
    (3, 0)
    """

    content: bytes

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self) -> bytes:
        return self.content

    def head(self, size: int) -> bytes:
        return self.content[:size]

    def packed(self) -> Packed:
        return pack(self.content)


@dataclass(frozen=True, slots=True)
class Ready:
    """Bytes that were compressed before; their digest is asked for by nobody."""

    form: Packed

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.read()).hexdigest()

    @property
    def size(self) -> int:
        return self.form.size

    def read(self) -> bytes:
        return unpack(self.form.method, self.form.data)

    def head(self, size: int) -> bytes:
        return unpack(self.form.method, self.form.data, size)

    def packed(self) -> Packed:
        return self.form


def held(files: Mapping[str, bytes]) -> dict[str, File]:
    """Contents by place as files by place."""
    return {place: Held(content) for place, content in files.items()}


def pack(content: bytes) -> Packed:
    """Compressed, or as it is, where that is smaller.  What is small is remembered: pelton's own
    modules are in the artifact of each function of an app."""
    return _remembered(content) if len(content) <= SMALL else _pack(content)


@lru_cache(512)
def _remembered(content: bytes) -> Packed:
    return _pack(content)


def _pack(content: bytes) -> Packed:
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = compressor.compress(content) + compressor.flush()
    small = len(data) < len(content)
    method, data = (DEFLATED, data) if small else (STORED, content)
    return Packed(method, zlib.crc32(content), len(content), data)


def unpack(method: int, data: bytes, most: int = 0) -> bytes:
    """What was compressed, or its first bytes.  Raises `zlib.error` for what is no such stream.

    >>> unpack(DEFLATED, pack(b"ab" * 99).data, 3)
    b'aba'
    """
    if method == STORED:
        return data[:most] if most else data
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, most)
