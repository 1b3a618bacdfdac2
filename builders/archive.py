"""A zip with the same bytes from the same files: sorted, one time, one mode, one compressor.

Compressing is the slow part of a build, so compressed members are kept by content and reused, and
several are compressed at once.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .whole import write_whole

# Of 115 MB of wheels level 6 makes 4 % less than level 4, in over twice the time: more than it
# takes to send those 4 %.
LEVEL = 4
# 1 January 1980, the first day that a zip can name.
DOS_DATE = (1 << 5) | 1
LIMIT_CLASSIC = 0xFFFF
LARGE, MANY = 1 << 18, 64


@dataclass(frozen=True, slots=True)
class Member:
    """One file, compressed (or as it is, where that is smaller)."""

    name: bytes
    method: int
    crc: int
    packed: bytes
    size: int
    mode: int


def digest_of(files: Mapping[str, bytes]) -> str:
    """The identity of a set of files: the hash of their names and contents, hex.

    >>> digest_of({"a": b"1", "b": b""}) == digest_of({"b": b"", "a": b"1"})
    True
    """
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n".encode())
    return total.hexdigest()


def write_zip(files: Mapping[str, bytes], path: Path, cache: Path | None = None) -> str:
    """Write the archive; its sha256, hex.  `cache` is a folder of compressed members."""
    data = zip_bytes(files, cache)
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def zip_bytes(files: Mapping[str, bytes], cache: Path | None = None) -> bytes:
    """The archive that `write_zip` writes."""
    if len(files) > LIMIT_CLASSIC:
        raise ValueError(f"an archive holds {LIMIT_CLASSIC} files at the most, not {len(files)}")
    return b"".join(_archive(_members(files, cache)))


def _members(files: Mapping[str, bytes], cache: Path | None) -> list[Member]:
    """Several at a time: the large ones first, so that none is begun when all else is done; of the
    small ones many by one thread, which else would wait for each other more than work."""
    from concurrent.futures import ThreadPoolExecutor

    large = sorted((n for n in files if len(files[n]) > LARGE), key=lambda n: -len(files[n]))
    small = sorted(files.keys() - set(large))
    parts = [[name] for name in large] + [
        small[at : at + MANY] for at in range(0, len(small), MANY)
    ]

    def pack(names: list[str]) -> list[Member]:
        return [_member(name, files[name], cache) for name in names]

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        packed = [member for part in pool.map(pack, parts) for member in part]
    return sorted(packed, key=lambda member: member.name.decode())


def _member(name: str, content: bytes, cache: Path | None) -> Member:
    packed = _packed(content, cache)
    method = 8
    if len(packed) >= len(content):
        packed, method = content, 0
    native = name.endswith(".so") or ".so." in name
    mode = 0o100755 if native else 0o100644
    return Member(name.encode(), method, zlib.crc32(content), packed, len(content), mode)


def _packed(content: bytes, cache: Path | None) -> bytes:
    kept = None
    if cache is not None and len(content) > 4096:
        key = hashlib.sha256(content).hexdigest()
        kept = cache / key[:2] / f"{key[2:]}-{zlib.ZLIB_RUNTIME_VERSION}-{LEVEL}"
        if kept.exists():
            return kept.read_bytes()
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
    packed = compressor.compress(content) + compressor.flush()
    if kept is not None:
        _keep(kept, packed)
    return packed


def _keep(path: Path, packed: bytes) -> None:
    draft = f"{path}.{os.getpid()}.{id(packed)}"
    try:
        file = open(draft, "wb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(draft, "wb")
    with file:
        file.write(packed)
    os.replace(draft, path)


def _archive(members: list[Member]) -> list[bytes]:
    """Local headers with their data, the central directory, the end record (zip 2.0, UTF-8)."""
    parts: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for each in members:
        common = struct.pack(
            "<HHHHHIIIHH", 20, 0x800, each.method, 0, DOS_DATE, each.crc, len(each.packed),
            each.size, len(each.name), 0,
        )  # fmt: skip
        header = b"PK\x03\x04" + common + each.name
        directory.append(
            b"PK\x01\x02" + struct.pack("<H", 0x314) + common
            + struct.pack("<HHHII", 0, 0, 0, each.mode << 16, offset) + each.name
        )  # fmt: skip
        parts += [header, each.packed]
        offset += len(header) + len(each.packed)
    size = sum(map(len, directory))
    end = struct.pack(
        "<4sHHHHIIH", b"PK\x05\x06", 0, 0, len(members), len(members), size, offset, 0
    )
    return [*parts, *directory, end]
