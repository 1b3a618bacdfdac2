"""Dead letters in a folder: files, each with its reason in a file beside it."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

from ...sources.directory import REASON
from ..kept import Kept, of_dict
from ..place import CannotRedrive, NotSent, Place, missing, origin


class DirectoryPlace(Place):
    """
    place: the folder of the letters: "inbox/.failed"
    """

    kind: ClassVar[str] = "directory"

    def __init__(self, place: str) -> None:
        super().__init__()
        self.path = Path(place)

    async def open(self) -> None:
        if str(self.path) != "." and not self.path.is_dir():
            raise missing("folder", str(self.path))

    async def letters(self) -> AsyncIterator[Kept]:
        """By the time that they were given up.  A file without a reason was not buried to its end:
        it is still in hand of a worker."""
        found = [self._kept(each) for each in self.path.glob(f"*{REASON}")]
        for letter in sorted((each for each in found if each), key=lambda each: each.at or 0):
            yield letter

    def _kept(self, reason: Path) -> Kept | None:
        file = reason.with_name(reason.name.removesuffix(REASON))
        try:
            told = json.loads(reason.read_text())
            return of_dict(file.name, told, file, file.read_bytes())
        except FileNotFoundError:  # another has it
            return None
        except (ValueError, TypeError, AttributeError) as error:
            raise CannotRedrive(f"{reason} is no reason of a dead letter: {error}") from None

    async def send(self, letter: Kept, to: str = "") -> None:
        """Into the folder, under its old name, whole or not at all; never over another file."""
        folder = Path(origin(letter, to))
        name = letter.key or letter.id
        if not folder.is_dir():
            raise NotSent(
                f"there is no folder {str(folder)!r} here: go where the bridge runs, or "
                "say where to with --into"
            )
        if os.sep in name or name in ("", ".", ".."):
            raise NotSent(f"{name!r} is no name of a file")
        hidden = folder / f".{name}.redriven"
        try:
            with open(hidden, "wb") as file:
                file.write(letter.body)
                file.flush()
                os.fsync(file.fileno())
            os.link(hidden, folder / name)
        except FileExistsError:
            raise NotSent(f"another file {name!r} waits in {str(folder)!r}") from None
        except OSError as error:
            raise NotSent(f"{folder / name}: {error.strerror}") from None
        finally:
            hidden.unlink(missing_ok=True)

    async def remove(self, letter: Kept) -> None:
        """The reason first: without it, a file is no letter."""
        file: Path = letter.raw
        file.with_name(file.name + REASON).unlink(missing_ok=True)
        file.unlink(missing_ok=True)
