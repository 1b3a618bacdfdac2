"""A note of what a question about requirements was answered with, and of what that hangs on.

It counts as long as every file that was read for it (requirements files, `pelton.lock`) and every
folder that was built has the digest that it had then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .built import digest_of_path
from .files import write_whole

FORM = 1


@dataclass(frozen=True, slots=True)
class Known:
    """An unpacked folder by its name, its packages as a cache keeps them, what was asked for."""

    key: str
    packages: str
    asked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """path: the note; lock: the app's lock file, which need not be there."""

    path: Path
    lock: Path

    @classmethod
    def to(cls, question: Sequence[Any], cache: Path, lock: Path) -> Answer:
        key = hashlib.sha256(json.dumps([FORM, *question]).encode()).hexdigest()[:32]
        return cls(cache / "answers" / f"{key}.json", lock)

    def read(self) -> Known | None:
        """The answer, where nothing that it hangs on has changed."""
        try:
            said = json.loads(self.path.read_bytes())
            digests = {Path(path): digest for path, digest in said["digests"].items()}
            known = Known(said["key"], said["packages"], tuple(said["asked"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return None
        now = all(_digest(path) == digest for path, digest in digests.items())
        return known if now else None

    def write(self, hangs_on: Sequence[Path], known: Known) -> None:
        digests = {str(each): _digest(each) for each in (self.lock, *hangs_on)}
        note = {"digests": digests, **asdict(known)}
        write_whole(self.path, json.dumps(note))


def _digest(path: Path) -> str:
    """ "" for what is not there."""
    return digest_of_path(path) if path.exists() else ""
