"""Dead letters in a file of JSON lines, as `dead_letters.file.ToFile` writes them.

A line that was sent again begins with `#` instead of `{`: one byte, so that a kill leaves no half
of it.  At the end those lines go, by a file of the others in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

from ..kept import Kept, of_dict
from ..place import CannotRedrive, Place, missing

_SENT = b"#"


class FilePlace(Place):
    """
    place: the file's path
    """

    kind: ClassVar[str] = "file"

    def __init__(self, place: str) -> None:
        super().__init__()
        self.path = Path(place)
        self._file = -1
        self._any_sent = False

    async def open(self) -> None:
        try:
            self._file = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            raise missing("file", str(self.path)) from None
        except OSError as error:
            raise CannotRedrive(f"{self.path} cannot be read: {error.strerror}") from None

    async def letters(self) -> AsyncIterator[Kept]:
        end, begin = os.fstat(self._file).st_size, 0
        with open(self.path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                if begin >= end:
                    return
                if line.strip() and not line.startswith(_SENT):
                    yield self._kept(number, begin, line)
                self._any_sent = self._any_sent or line.startswith(_SENT)
                begin += len(line)

    def _kept(self, number: int, begin: int, line: bytes) -> Kept:
        try:
            return of_dict(str(number), json.loads(line), begin)
        except (ValueError, TypeError, AttributeError) as error:
            raise CannotRedrive(
                f"{self.path}:{number} is no dead letter of a source: {error}"
            ) from None

    async def remove(self, letter: Kept) -> None:
        await asyncio.to_thread(self._mark, letter.raw)

    def _mark(self, begin: int) -> None:
        os.pwrite(self._file, _SENT, begin)
        os.fsync(self._file)
        self._any_sent = True

    async def close(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            try:
                if self._any_sent:
                    await asyncio.to_thread(self._without_sent, file)
            finally:
                os.close(file)

    def _without_sent(self, file: int) -> None:
        """Who writes waits meanwhile, and looks then whether it is still this file (`ToFile`)."""
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.stat(self.path).st_ino != os.fstat(file).st_ino:
            return  # another redrive was faster
        beside = self.path.with_name(f".{self.path.name}.left")
        try:
            with open(self.path, "rb") as lines, open(beside, "wb") as left:
                os.fchmod(left.fileno(), os.fstat(file).st_mode & 0o7777)
                left.writelines(line for line in lines if not line.startswith(_SENT))
                left.flush()
                os.fsync(left.fileno())
            os.replace(beside, self.path)
        except OSError as error:  # as of a full disk
            with contextlib.suppress(OSError):
                beside.unlink()
            self.notes.append(
                f"what was sent again stays in {self.path}, in lines that begin with #: the file "
                f"could not be written without them: {error.strerror}"
            )
