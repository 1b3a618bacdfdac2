"""What the emulator promised to keep: documents in SQLite, safe once `put` has returned.

One table of JSON documents by kind and key, in WAL mode with full synchronisation, so that
an acknowledged change is there after a kill.  It knows nothing of what the documents say.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FORMAT = 1
_TABLE = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID
"""


class CorruptData(Exception):
    """A file under the data directory is not what the emulator wrote there."""


class Store:
    """The documents of one data directory; one emulator at a time.

    >>> import tempfile
    >>> store = Store(Path(tempfile.mkdtemp()) / "registry.sqlite")
    >>> store.put("function", "f", {"memory": 128})
    >>> store.all("function")
    {'f': {'memory': 128}}
    >>> store.close()
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        try:
            self._open()
        except sqlite3.OperationalError as error:
            self._db.close()
            raise CorruptData(self._locked_or(error)) from None
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise CorruptData(
                f"{path} is not a registry that pelton can read ({error}); move the file away to "
                "start with an empty one"
            ) from None

    def put(self, kind: str, key: str, body: Any) -> None:
        """Keep one document; on return it is on the disk."""
        self._db.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (kind, key, json.dumps(body))
        )

    def delete(self, kind: str, key: str) -> None:
        self._db.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))

    def all(self, kind: str) -> dict[str, Any]:
        """Every document of `kind` by key.  Raises CorruptData for one that is not JSON."""
        rows = self._db.execute("SELECT key, body FROM documents WHERE kind = ?", (kind,))
        return dict(self._read(kind, rows))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Changes made inside are kept all or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def clear(self) -> None:
        self._db.execute("DELETE FROM documents")

    def close(self) -> None:
        self._db.close()

    def _open(self) -> None:
        # One emulator a directory: a second one waits for nobody and says so.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, _FORMAT):
            raise sqlite3.DatabaseError(f"format {found}, this version writes format {_FORMAT}")
        self._db.execute(_TABLE)
        self._db.execute(f"PRAGMA user_version = {_FORMAT}")
        problem = self._db.execute("PRAGMA quick_check").fetchone()[0]
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)

    def _locked_or(self, error: sqlite3.OperationalError) -> str:
        if "locked" in str(error):
            return f"{self.path} is in use by another emulator; give this one its own --data-dir"
        return f"{self.path} cannot be opened: {error}"

    def _read(self, kind: str, rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Any]]:
        for key, body in rows:
            try:
                yield key, json.loads(body)
            except ValueError as error:
                raise CorruptData(f"{self.path}: the {kind} {key!r} is not JSON: {error}") from None


class Shelf:
    """The documents of one kind: in memory to be read, in the store to be kept.

    >>> import tempfile
    >>> store = Store(Path(tempfile.mkdtemp()) / "registry.sqlite")
    >>> shelf = Shelf(store, "config")
    >>> shelf.put("a", {"name": "a"})
    >>> shelf.get("a"), Shelf(store, "config").all()
    ({'name': 'a'}, [{'name': 'a'}])
    >>> store.close()
    """

    def __init__(self, store: Store, kind: str) -> None:
        self._store, self._kind = store, kind
        self.load()

    def get(self, key: str) -> dict[str, Any] | None:
        return self._documents.get(key)

    def all(self) -> list[dict[str, Any]]:
        """Every document, by its key's order."""
        return [document for _, document in sorted(self._documents.items())]

    def put(self, key: str, document: dict[str, Any]) -> None:
        """Keep a document; on return it is on the disk."""
        self._store.put(self._kind, key, document)
        self._documents[key] = document

    def delete(self, key: str) -> None:
        self._store.delete(self._kind, key)
        self._documents.pop(key, None)

    def load(self) -> None:
        """Be what the store says."""
        self._documents: dict[str, dict[str, Any]] = self._store.all(self._kind)
