"""An archive becomes a directory, whatever the archive says of itself.

Nothing is written outside of that directory, through a link, or beyond the limit, and what cannot
be unpacked is refused in the sentence recorded on AWS.  A link that points outside is refused too.
It knows files, no function and no interpreter.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import invalid

UNZIPPED_LIMIT = 262_144_000  # bytes
CANNOT_UNZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
# Whatever a broken archive makes zipfile raise.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, EOFError,
    ValueError, OverflowError,
)  # fmt: skip
# What names do to a file system; a full or a failing disk is another matter.
_NAMES = frozenset(
    (
        errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP,
        errno.EILSEQ, errno.ENOENT,
    )
)  # fmt: skip
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1  # a bit of the flags
_LONGEST_TARGET = 4096  # bytes of a link's target
_CHUNK = 1 << 20
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def opened(source: Path | BinaryIO) -> Iterator[zipfile.ZipFile]:
    """The archive; whatever is wrong with it is the API's refusal, inside too."""
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except _BROKEN:
        raise invalid(CANNOT_UNZIP) from None
    except OSError as error:
        if error.errno in _NAMES:
            raise invalid(CANNOT_UNZIP) from None
        raise


def check(infos: Sequence[zipfile.ZipInfo]) -> int:
    """The size that an archive claims to have unpacked, in bytes.

    Raises InvalidParameterValueException for one that cannot be unpacked, before a byte of it is.
    """
    if not infos:
        raise invalid("Uploaded file must be a non-empty zip")
    for info in infos:
        unreadable = info.compress_type not in _METHODS or info.flag_bits & _ENCRYPTED
        if unreadable or not info.filename or not _is_inside(info.filename):
            raise invalid(CANNOT_UNZIP)
    size = sum(info.file_size for info in infos)
    _check_size(size)
    return size


def is_link(info: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)


def unpack(archive: zipfile.ZipFile, into: Path) -> None:
    """Write the files of a checked archive into an empty directory.

    A name that is there twice is what came last.  Raises InvalidParameterValueException.
    """
    _Unpacking(archive, os.path.realpath(into)).run()


class _Unpacking:
    """One archive on its way into one directory."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        self._archive, self._root = archive, root
        self._folders = {root}  # made, and known to be no links
        self._links: dict[str, None] = {}
        self._written = 0

    def run(self) -> None:
        for info in self._archive.infolist():
            path = os.path.normpath(os.path.join(self._root, info.filename))
            if info.is_dir():
                self._make_folder(path)
            else:
                self._make_folder(os.path.dirname(path))
                self._make(info, path)
        for link in self._links:  # now that all are there: one may go through another
            self._check_link(link)

    def _make_folder(self, path: str) -> None:
        if path in self._folders:
            return
        self._make_folder(os.path.dirname(path))
        if not os.path.lexists(path):
            os.mkdir(path, 0o755)
        elif os.path.islink(path) or not os.path.isdir(path):
            raise invalid(CANNOT_UNZIP)
        self._folders.add(path)

    def _make(self, info: zipfile.ZipInfo, path: str) -> None:
        if is_link(info):
            self._remove(path)
            os.symlink(self._target(info), path)
            self._links[path] = None
            return
        try:
            file = os.open(path, _CREATE, 0o600)
        except FileExistsError:
            self._remove(path)
            file = os.open(path, _CREATE, 0o600)
        try:
            self._copy(info, file)
            # Lambda runs as another user than the one who zipped: what it cannot read fails there.
            os.fchmod(file, (info.external_attr >> 16) & 0o777 or 0o644)
        finally:
            os.close(file)

    def _remove(self, path: str) -> None:
        if os.path.lexists(path):
            os.unlink(path)  # of a directory: refused
            self._links.pop(path, None)

    def _copy(self, info: zipfile.ZipInfo, file: int) -> None:
        """What is counted is what came out, not what the archive claims."""
        before = self._written
        with self._archive.open(info) as source:
            while chunk := source.read(_CHUNK):
                self._written += len(chunk)
                _check_size(self._written)
                _write_all(file, chunk)
        if self._written - before != info.file_size:
            raise invalid(CANNOT_UNZIP)

    def _target(self, info: zipfile.ZipInfo) -> str:
        if not 0 < info.file_size <= _LONGEST_TARGET:
            raise invalid(CANNOT_UNZIP)
        return self._archive.read(info).decode()

    def _check_link(self, path: str) -> None:
        end = os.path.realpath(path)
        if end != self._root and not end.startswith(f"{self._root}/"):
            raise invalid(CANNOT_UNZIP)


def _write_all(file: int, chunk: bytes) -> None:
    # A file object of Python's own costs as much as the file itself, when there are 100,000.
    left = memoryview(chunk)
    while left:
        left = left[os.write(file, left) :]


def _check_size(size: int) -> None:
    if size >= UNZIPPED_LIMIT:
        raise invalid(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")


def _is_inside(name: str) -> bool:
    """Whether a name stays below the directory it is unpacked in.

    >>> [_is_inside(name) for name in ("a/b", "./a", "/a", "a/../../b")]
    [True, True, False, False]
    """
    return not (name.startswith("/") or ".." in name.split("/") or "\0" in name)
