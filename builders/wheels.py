"""A wheel as builds read it: where each of its members lies, compressed, and what that becomes.

Nothing is unpacked: a wheel's members go into an artifact as its publisher compressed them, so the
same wheel gives the same bytes on every machine.  A wheel is checked whole once, before it is kept
(`check`: every member against its CRC-32 and the wheel's own RECORD); from then on the sha256 of
the kept file stands for all of it.
Sources: the binary distribution format (RECORD, `.data` folders), PKWARE's APPNOTE for zip.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import mmap
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .content import DEFLATED, STORED, File, Packed, unpack
from .errors import CannotResolve
from .whole import write_whole

LOCAL, LOCAL_MARK = struct.Struct("<4s22xHH"), b"PK\x03\x04"
ENCRYPTED = 0x1
# What an installer writes, and scripts, which no function can call: of no use in an artifact.
LEFT_OUT = frozenset(
    {"uv_cache.json", "uv_build.json", "REQUESTED", "direct_url.json", "INSTALLER", ".lock"}
)
# From here on a member that lies there as it is may be worth compressing.
WORTH_PACKING = 4096


class Row(NamedTuple):
    """Where a member lies in its archive, how it is compressed, and what it was: CRC-32, size in
    bytes, sha256 (hex; "" where RECORD has none)."""

    start: int
    length: int
    method: int
    crc: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Wheel:
    """An archive of one distribution.

    distribution: "name version"; tags: what it says to run on; rows: by the place that a member is
    installed to, but for scripts and bytecode
    """

    path: Path
    distribution: str
    tags: tuple[str, ...]
    rows: Mapping[str, Row]
    record: str
    bytes_of: Bytes = field(repr=False)

    @property
    def is_loose(self) -> bool:
        """Whether something in it lies there as it is, or in a form that no artifact may have."""
        return any(
            row.method not in (STORED, DEFLATED)
            or (row.method == STORED and row.size > WORTH_PACKING)
            for row in self.rows.values()
        )


@dataclass(frozen=True)
class Bytes:
    """A file's bytes, mapped when the first of them is asked for, and checked then where a sha256
    (hex) is given.  Raises `Changed` when they are others."""

    path: Path
    sha256: str = ""

    @cached_property
    def all(self) -> mmap.mmap | bytes:
        try:
            with self.path.open("rb") as file:
                empty = not os.fstat(file.fileno()).st_size
                data = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise Changed(self.path) from None
        if self.sha256 and hashlib.sha256(data).hexdigest() != self.sha256:
            raise Changed(self.path)
        return data


class Changed(Exception):
    """A kept file is gone or has another content."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file that lies in an archive."""

    bytes_of: Bytes
    row: Row

    @property
    def sha256(self) -> str:
        return self.row.sha256

    @property
    def size(self) -> int:
        return self.row.size

    def _data(self) -> bytes:
        return self.bytes_of.all[self.row.start : self.row.start + self.row.length]

    def read(self) -> bytes:
        return unpack(self.row.method, self._data())

    def head(self, size: int) -> bytes:
        start, length = self.row.start, min(self.row.length, 256 + 2 * size)
        return unpack(self.row.method, self.bytes_of.all[start : start + length], size)[:size]

    def packed(self) -> Packed:
        return Packed(self.row.method, self.row.crc, self.row.size, self._data())


def open_wheel(path: Path, sha256: str = "") -> Wheel:
    """What is in a wheel.  Raises `CannotResolve`, with its name, for what is none or is damaged,
    and `Changed` when its sha256 (where one is given) is another."""
    bytes_of = Bytes(path, sha256)
    try:
        data = bytes_of.all
        with zipfile.ZipFile(path) as archive:
            infos = {each.filename: each for each in _distinct(archive, path)}
            info = _info_folder(infos, path)
            about = archive.read(f"{info}/WHEEL").decode("utf-8", "replace")
            record = archive.read(f"{info}/RECORD").decode("utf-8", "replace")
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, NotImplementedError) as error:
        raise _broken(path, str(error)) from None
    hashes = _hashes(record)
    rows: dict[str, Row] = {}
    for name, each in infos.items():
        if place := place_of(name, info.removesuffix(".dist-info")):
            row = _row(each, data, path, hashes.get(name, ""))
            if rows.setdefault(place, row) != row:
                raise _broken(path, f"two of its members have the place {place}")
    name = info.removesuffix(".dist-info").replace("-", " ", 1)
    lines = [line[5:] for line in about.splitlines() if line.startswith("Tag: ")]
    return Wheel(path, name, tuple(lines), rows, f"{info}/RECORD", bytes_of)


def place_of(name: str, distribution: str) -> str:
    """Where a member of a wheel is installed, "" for nowhere.

    >>> place_of("numpy-1.0.data/purelib/a.py", "numpy-1.0"), place_of("a/b.py", "numpy-1.0")
    ('a.py', 'a/b.py')
    >>> place_of("numpy-1.0.data/scripts/f2py", "numpy-1.0")
    ''
    """
    data, _, rest = name.partition(".data/")
    if rest and data == distribution:
        scheme, _, name = rest.partition("/")
        if scheme == "scripts":
            return ""
        if scheme == "headers":
            name = f"include/{distribution.rpartition('-')[0]}/{name}"
    unused = name.startswith("bin/") or name.endswith(".pyc")
    return "" if unused or name.rpartition("/")[2] in LEFT_OUT else name


def _distinct(archive: zipfile.ZipFile, path: Path) -> Iterable[zipfile.ZipInfo]:
    """The archive's files; raises `CannotResolve` for names that nothing may be called."""
    seen: dict[str, tuple[int, int]] = {}
    for each in archive.infolist():
        name, said = each.filename, (each.CRC, each.file_size)
        if each.is_dir():
            continue
        if each.flag_bits & ENCRYPTED:
            raise _broken(path, f"its member {name} is encrypted")
        if name.startswith("/") or {"..", ""}.intersection(name.split("/")) or "\\" in name:
            raise _broken(path, f"its member {name!r} would lie outside of its place")
        if "\n" in name or "\r" in name:
            raise _broken(path, f"it brings a file with a line break: {name!r}")
        if seen.setdefault(name, said) != said:
            raise _broken(path, f"it holds {name} twice, and the two differ")
        yield each


def _info_folder(names: Iterable[str], path: Path) -> str:
    found = {each.partition("/")[0] for each in names if each.endswith(".dist-info/RECORD")}
    if len(found) != 1:
        raise _broken(path, "it has no RECORD" if not found else "it has more than one RECORD")
    return found.pop()


def _hashes(record: str) -> dict[str, str]:
    """The sha256, hex, of each member that RECORD has one for."""
    found = {}
    for line in csv.reader(record.splitlines()):
        if len(line) > 1 and line[1].startswith("sha256="):
            said = line[1].removeprefix("sha256=")
            try:
                found[line[0]] = base64.urlsafe_b64decode(f"{said}===").hex()
            except ValueError:
                found[line[0]] = said  # what is no digest is nothing's digest
    return found


def _row(info: zipfile.ZipInfo, data: mmap.mmap | bytes, path: Path, sha256: str) -> Row:
    """Sizes and CRC-32 as the directory has them, which knows them where a member's own header
    does not yet (data descriptors) or has no room for them (zip64)."""
    at = info.header_offset
    head = data[at : at + LOCAL.size]
    if len(head) < LOCAL.size or head[:4] != LOCAL_MARK:
        raise _broken(path, f"its member {info.filename} is not where its directory says")
    _, name, extra = LOCAL.unpack(head)
    start = at + LOCAL.size + name + extra
    if start + info.compress_size > len(data):
        raise _broken(path, f"its member {info.filename} is cut short")
    return Row(start, info.compress_size, info.compress_type, info.CRC, info.file_size, sha256)


def check(wheel: Wheel) -> None:
    """Raise `CannotResolve`, with names, unless every member is what its CRC-32, its size and
    RECORD say.  Several are read at a time."""
    rows = list(wheel.rows.items())
    parts = [rows[at : at + 64] for at in range(0, len(rows), 64)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for fault in pool.map(lambda part: _fault(wheel, part), parts):
            if fault:
                raise _broken(wheel.path, fault)


def _fault(wheel: Wheel, rows: Sequence[tuple[str, Row]]) -> str:
    for place, row in rows:
        if row.method not in (STORED, DEFLATED):
            continue  # read by another way, and checked there
        try:
            content = Member(wheel.bytes_of, row).read()
        except zlib.error as error:
            return f"its member {place} cannot be unpacked: {error}"
        if len(content) != row.size or zlib.crc32(content) != row.crc:
            return f"its member {place} has another CRC-32 or size than its directory says"
        if row.sha256 and place != wheel.record:
            if hashlib.sha256(content).hexdigest() != row.sha256:
                return f"its member {place} has another sha256 than its RECORD says"
    return ""


def _broken(path: Path, fault: str) -> CannotResolve:
    return CannotResolve(
        f"the wheel {path.name} is broken: {fault}; take another version or build of it, and tell "
        "its publisher"
    )


def contents(wheel: Wheel) -> dict[str, bytes]:
    """Every file of a wheel, by place, in whatever form it lies there."""
    info = wheel.record.partition("/")[0].removesuffix(".dist-info")
    found = {}
    try:
        with zipfile.ZipFile(wheel.path) as archive:
            for each in archive.infolist():
                if not each.is_dir() and (place := place_of(each.filename, info)):
                    found[place] = archive.read(each)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        raise _broken(wheel.path, str(error)) from None
    return found


def record_text(files: Mapping[str, tuple[str, int]], record: str) -> str:
    """A RECORD for files with their sha256 (hex) and size, sorted: the same whoever installed.

    >>> print(record_text({"a.py": ("00ff", 3)}, "a-1.dist-info/RECORD"), end="")
    a.py,sha256=AP8,3
    a-1.dist-info/RECORD,,
    """
    lines = []
    for place in sorted(files.keys() - {record}):
        sha256, size = files[place]
        digest = base64.urlsafe_b64encode(bytes.fromhex(sha256)).rstrip(b"=").decode()
        quoted = '"' + place.replace('"', '""') + '"' if {",", '"'}.intersection(place) else place
        lines.append(f"{quoted},sha256={digest},{size}\n")
    return "".join([*lines, f"{record},,\n"])


def member(bytes_of: Bytes, row: Sequence[Any]) -> File:
    """A file by what a manifest keeps of it."""
    return Member(bytes_of, Row(*row))


def keep(source: Path, sha256: str, store: Path) -> Path:
    """Put a wheel of that sha256 among the kept ones, checked whole; its place there."""
    found = store / f"{sha256}.whl"
    if not found.exists():
        content = source.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Changed(source)
        check(open_wheel(source))
        write_whole(found, content)
    return found
