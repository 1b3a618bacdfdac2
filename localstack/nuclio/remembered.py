"""What is kept of running functions beside their configurations, so that a restart is none to them:
the port of each, who is scaled to zero, and which environment each runs in.

A mark that a full disk does not take is lost with the restart: whatever it is about goes on, and
who puts it hears why.  What the marks mean is the deployments' matter.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from ..store import Store

PORT, ASLEEP, ENVIRONMENT = "port", "asleep", "environment"
KINDS = (PORT, ASLEEP, ENVIRONMENT)


class Remembered:
    """Marks by kind and function, in memory to be read and in the store to be kept.

    >>> import tempfile, pathlib
    >>> store = Store(pathlib.Path(tempfile.mkdtemp()) / "nuclio.sqlite")
    >>> marks = Remembered(store)
    >>> marks.put(PORT, "f", 8080), marks.get(PORT, "f"), Remembered(store).get(PORT, "g", 0)
    ('', 8080, 0)
    >>> marks.forget("f"); marks.get(PORT, "f")
    >>> store.close()
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, dict[str, Any]] = {kind: store.all(kind) for kind in KINDS}

    def get(self, kind: str, name: str, default: Any = None) -> Any:
        return self._known[kind].get(name, default)

    def put(self, kind: str, name: str, value: Any) -> str:
        """Keep a mark; why it could not be kept, "" where it was."""
        self._known[kind][name] = value
        return self._tried(lambda: self._store.put(kind, name, value))

    def drop(self, kind: str, name: str) -> str:
        """Keep it no more; as `put`."""
        if self._known[kind].pop(name, None) is None:
            return ""
        return self._tried(lambda: self._store.delete(kind, name))

    def _tried(self, change: Any) -> str:
        try:
            change()
        except sqlite3.Error as error:
            return str(error)
        return ""

    def forget(self, name: str) -> None:
        """A function was deleted.  Raises sqlite3.Error, and then nothing has happened."""
        for kind in KINDS:
            self._store.delete(kind, name)
        for kind in KINDS:
            self._known[kind].pop(name, None)

    def clear(self) -> None:
        """Everything was wiped, also in the store."""
        for kind in KINDS:
            self._known[kind].clear()

    def environments(self, names: Iterable[str]) -> set[str] | None:
        """The environments that functions run in; None while one of `names` has never run."""
        known = self._known[ENVIRONMENT]
        return set(known.values()) if all(name in known for name in names) else None
