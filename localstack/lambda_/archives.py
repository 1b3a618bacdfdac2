"""Uploaded archives: checked, unpacked once, kept under the name of their contents.

An archive that is none, or too large, is refused with its cause, as is one whose `native_modules`
what will run it cannot load.  It knows nothing of functions.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from . import unpacking
from .errors import AwsError, too_large
from .function_code import Code
from .interpreters import Interpreter
from .native_modules import is_native, refuse_foreign

ZIPPED_LIMIT = 52_428_800  # bytes, when sent in the request; through S3 only the next one counts

_GONE = ".gone-"


class Archives:
    """Archives and their unpacked trees in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def keep(self, content: bytes, python: Interpreter | None = None, reason: str = "") -> Code:
        """Check, keep and unpack an archive.  Raises the API's errors for one that is refused.

        python: what will run it, which must be able to load its native modules; None does not ask
        reason: why that is not the Python of the function's runtime, "" when it is
        """
        native, unzipped = _check(content)
        code = Code(hashlib.sha256(content).hexdigest(), len(content), native, unzipped)
        if native and python is not None:
            with unpacking.opened(io.BytesIO(content)) as archive:
                refuse_foreign(archive, python, reason)
        tree = self.directory / code.sha256
        if not tree.exists():  # what cannot be unpacked is not kept
            self._unpack(io.BytesIO(content), tree)
        if not self.archive(code.sha256).exists():
            self._write(self.archive(code.sha256), content)
        return code

    def check_native(self, archives: Sequence[str], python: Interpreter, reason: str) -> None:
        """Refuse kept archives whose native modules cannot be loaded by what will run them."""
        for sha256 in archives:
            with unpacking.opened(self.archive(sha256)) as archive:
                refuse_foreign(archive, python, reason)

    def owners_only(self, code: Code) -> str:
        """A file that only its owner may read, or ""; on AWS a function is another user."""
        with zipfile.ZipFile(self.archive(code.sha256)) as opened:
            for info in opened.infolist():
                mode = info.external_attr >> 16
                if stat.S_IMODE(mode) and not mode & stat.S_IROTH and not info.is_dir():
                    return info.filename
        return ""

    def archive(self, sha256: str) -> Path:
        """Where the archive itself is."""
        return self.directory / f"{sha256}.zip"

    def tree(self, sha256: str) -> Path:
        """The unpacked directory; unpacked again when it went missing."""
        tree = self.directory / sha256
        if not tree.exists():
            archive = self.archive(sha256)
            try:
                self._unpack(archive, tree)
            except AwsError:  # it was sound when it was kept
                raise AwsError(
                    "ServiceException",
                    f"the code kept in {archive} is missing or damaged: deploy it again",
                    500,
                ) from None
        return tree

    def merged(self, layers: Sequence[str]) -> tuple[Path, ...]:
        """The trees of `layers` laid on one another, as /opt has them: one directory, or none.

        A later layer's file takes the place of an earlier one's.
        """
        if len(layers) < 2:
            return tuple(map(self.tree, layers))
        merged = self.directory / merged_name(layers)
        if not merged.exists():
            self._make(merged, lambda part: _overlay([self.tree(each) for each in layers], part))
        return (merged,)

    def clear(self) -> None:
        """Forget every archive at once; `sweep` removes them, which may take its time."""
        self.directory.mkdir(parents=True, exist_ok=True)
        gone = Path(tempfile.mkdtemp(prefix=_GONE, dir=self.directory))
        for path in self.directory.iterdir():
            if not path.name.startswith(_GONE):
                path.rename(gone / path.name)

    def sweep(self) -> None:
        """Remove what `clear` has put aside."""
        for path in self.directory.glob(f"{_GONE}*"):
            shutil.rmtree(path, ignore_errors=True)

    def keep_only(self, used: set[str]) -> None:
        """Remove the archives that no function uses any more."""
        for path in self.directory.iterdir():
            if path.stem not in used:  # what a killed emulator was writing, too
                path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)

    def _write(self, path: Path, content: bytes) -> None:
        # A name of its own: the same archive may come twice at the same time.
        file, part = tempfile.mkstemp(prefix=".part-", dir=self.directory)
        try:
            with open(file, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            os.rename(part, path)
        except OSError:  # a full disk is not left fuller
            os.unlink(part)
            raise

    def _unpack(self, source: Path | BinaryIO, tree: Path) -> None:
        with unpacking.opened(source) as archive:
            self._make(tree, lambda part: unpacking.unpack(archive, part))

    def _make(self, tree: Path, fill: Callable[[Path], None]) -> None:
        """A directory that is there whole or not at all."""
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=self.directory))
        part.chmod(0o755)
        try:
            fill(part)
            part.rename(tree)
        except BaseException as error:
            shutil.rmtree(part, ignore_errors=True)
            # Someone may have been first: the contents are the same.
            if not (isinstance(error, OSError) and tree.exists()):
                raise


def merged_name(layers: Sequence[str]) -> str:
    """The name of layers laid on one another in this order; each by its own contents' name."""
    return "opt-" + hashlib.sha256(" ".join(layers).encode()).hexdigest()


def _overlay(trees: Sequence[Path], into: Path) -> None:
    """Fill a directory with links to the files of `trees`, the later over the earlier."""
    for tree in trees:
        for folder, folders, files in os.walk(tree):
            target = into / Path(folder).relative_to(tree)
            for name in folders:
                place = target / name
                if (source := Path(folder, name)).is_symlink():
                    _place(source, place)
                else:
                    if place.is_symlink() or place.is_file():
                        place.unlink()
                    place.mkdir(exist_ok=True)
            for name in files:
                _place(Path(folder, name), target / name)


def _place(source: Path, target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target, follow_symlinks=False)


def _check(content: bytes) -> tuple[bool, int]:
    """Whether the archive is native, and its size unpacked; raises when it is refused."""
    with unpacking.opened(io.BytesIO(content)) as archive:
        infos = archive.infolist()
        return any(is_native(info.filename) for info in infos), unpacking.check(infos)


def check_zipped(content: bytes) -> None:
    """Raises RequestEntityTooLargeException for an archive too large to come in a request."""
    if len(content) >= ZIPPED_LIMIT:
        raise too_large(f"Zipped size must be smaller than {ZIPPED_LIMIT} bytes")
