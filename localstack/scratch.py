"""The emulator's temporary folder, and how none is left: not by a kill either.

Whoever uses a folder holds a lock on a file in it, which the kernel lets go when the process ends,
whatever ended it; so the next emulator knows which folders are nobody's, and removes them.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from pathlib import Path

PREFIX, LOCK = "pelton-emulator-", "in-use"


class Scratch:
    """One emulator's temporary folder.

    >>> scratch = Scratch()
    >>> (scratch.path / LOCK).exists()
    True
    >>> scratch.close()
    >>> scratch.path.exists()
    False
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = (self.path / LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def folder(self, name: str) -> Path:
        """A folder of that name in it."""
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def sweep() -> None:
    """Remove what killed emulators left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            with (folder / LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # in use, another user's, or so new that its lock is not there yet
