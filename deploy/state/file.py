"""A state in a file of this machine.  Its lock is the system's: it goes when its process does."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..errors import StateError
from .document import State, read_state
from .store import holder, locked, told


class FileStore:
    """The state in `path`; folders are made on the way, and kept out of git."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)
        self._lock = path.with_suffix(".lock")

    def read(self) -> State | None:
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StateError(f"the state {self.where} cannot be read: {error}") from error
        return read_state(text, self.where)

    def write(self, state: State) -> State:
        """Whole or not at all: also when the disk is full or the process dies."""
        known = state.serial + 1
        written, beside = replace(state, serial=known), self.path.with_suffix(".new")
        try:
            self._make_folder()
            with beside.open("w") as file:
                file.write(written.text())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise StateError(
                f"the state {self.where} cannot be written ({error.strerror}); what was deployed "
                "is deployed, and `pelton state rebuild FILE` makes the state of it"
            ) from error
        return written

    @contextmanager
    def lock(self, what: str) -> Iterator[None]:
        try:
            self._make_folder()
            file = self._lock.open("a+")
        except OSError as error:
            raise StateError(
                f"the lock {self._lock} cannot be made ({error.strerror}); make room or name "
                "another place with --state"
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise locked(self.where, file.read()) from None
            file.truncate(0)
            file.write(json.dumps(holder(what)))
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)

    def held(self) -> str:
        try:
            with self._lock.open() as file:
                # What a process left that has died is no lock; nothing is left by one that ended,
                # so that this never stands in the way of one that begins.
                if text := file.read():
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return told(text)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise StateError(f"the lock {self._lock} cannot be read: {error.strerror}") from error
        return ""

    def unlock(self) -> str:
        """The file is taken away: whoever holds it holds what nobody asks any more."""
        try:
            text = self._lock.read_text()
            self._lock.unlink()
        except FileNotFoundError:
            return ""
        return told(text) if text else ""

    def _make_folder(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for folder in self.path.parents:
            if folder.name == ".pelton" and not (folder / ".gitignore").exists():
                (folder / ".gitignore").write_text("*\n")
