"""A zip with the same bytes from the same files: sorted, one time, one mode, one compressor each.

What lies compressed in a wheel is copied as it lies there; only what is the user's own, ours, and
made here is compressed, several files at a time.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from .content import File, Files, Packed
from .whole import write_whole

# 1 January 1980, the first day that a zip can name.
DOS_DATE = (1 << 5) | 1
LIMIT_CLASSIC = 0xFFFF
MANY = 64


@dataclass(frozen=True, slots=True)
class Member:
    """One file, compressed (or as it is, where that is smaller)."""

    name: bytes
    form: Packed
    mode: int


def digest_of(files: Files) -> str:
    """The identity of a set of files: the hash of their names and contents, hex.

    >>> from .content import held
    >>> digest_of(held({"a": b"1", "b": b""})) == digest_of(held({"b": b"", "a": b"1"}))
    True
    """
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{files[name].sha256}  {name}\n".encode())
    return total.hexdigest()


def write_zip(files: Files, path: Path) -> str:
    """Write the archive; its sha256, hex."""
    data = zip_bytes(files)
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def zip_bytes(files: Files) -> bytes:
    """The archive that `write_zip` writes."""
    if len(files) > LIMIT_CLASSIC:
        raise ValueError(f"an archive holds {LIMIT_CLASSIC} files at the most, not {len(files)}")
    return b"".join(_archive(_members(files)))


def _members(files: Files) -> list[Member]:
    """Several at a time, and many by one thread, which else would wait for each other more than
    work; the large ones apart, so that none is begun when all else is done."""
    from concurrent.futures import ThreadPoolExecutor

    names = sorted(files, key=lambda name: -files[name].size)
    step = max(1, min(MANY, len(names) // 8))
    parts = [names[at::step] for at in range(step)]

    def pack(names: list[str]) -> list[Member]:
        return [_member(name, files[name]) for name in names]

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        packed = [member for part in pool.map(pack, parts) for member in part]
    return sorted(packed, key=lambda member: member.name.decode())


def _member(name: str, file: File) -> Member:
    native = name.endswith(".so") or ".so." in name
    return Member(name.encode(), file.packed(), 0o100755 if native else 0o100644)


def _archive(members: list[Member]) -> list[bytes]:
    """Local headers with their data, the central directory, the end record (zip 2.0, UTF-8)."""
    parts: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for each in members:
        common = struct.pack(
            "<HHHHHIIIHH", 20, 0x800, each.form.method, 0, DOS_DATE, each.form.crc,
            len(each.form.data), each.form.size, len(each.name), 0,
        )  # fmt: skip
        header = b"PK\x03\x04" + common + each.name
        directory.append(
            b"PK\x01\x02" + struct.pack("<H", 0x314) + common
            + struct.pack("<HHHII", 0, 0, 0, each.mode << 16, offset) + each.name
        )  # fmt: skip
        parts += [header, each.form.data]
        offset += len(header) + len(each.form.data)
    size = sum(map(len, directory))
    end = struct.pack(
        "<4sHHHHIIH", b"PK\x05\x06", 0, 0, len(members), len(members), size, offset, 0
    )
    return [*parts, *directory, end]
