"""States in an SQLite file: of all processes of one machine, over a kill of any of them."""

from __future__ import annotations

from typing import Any

_TABLE = """create table if not exists pelton_state
    (key text primary key, state text not null, version integer not null) without rowid"""
_PATIENCE = 30.0  # seconds to wait for another process's change


class SqliteStates:
    """See `base.States`.  Any thread may use it; each has a connection of its own.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     states = SqliteStates(f"{folder}/states.db")
    ...     print(states.put("a", "1", 0), states.put("a", "2", 0), states.get("a"))
    ...     states.close()
    True False ('1', 1)
    """

    def __init__(self, path: str) -> None:
        import threading

        self.path, self._local = path, threading.local()
        self._all: list[Any] = []

    def get(self, key: str) -> tuple[str, int] | None:
        asked = "select state, version from pelton_state where key = ?"
        row: tuple[str, int] | None = self._connection.execute(asked, (key,)).fetchone()
        return row

    def put(self, key: str, state: str, version: int) -> bool:
        if version:
            change = "update pelton_state set state = ?, version = ? where key = ? and version = ?"
            values: tuple[Any, ...] = (state, version + 1, key, version)
        else:
            change = "insert or ignore into pelton_state (state, version, key) values (?, 1, ?)"
            values = (state, key)
        return bool(self._connection.execute(change, values).rowcount == 1)

    def close(self) -> None:
        while self._all:
            self._all.pop().close()
        self._local.__dict__.clear()

    @property
    def _connection(self) -> Any:
        """This thread's own."""
        made = getattr(self._local, "connection", None)
        if made is None:
            import sqlite3

            made = sqlite3.connect(
                self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            made.execute("pragma journal_mode = wal")
            made.execute("pragma synchronous = full")  # what was said to be kept is kept
            made.execute(_TABLE)
            self._local.connection = made
            self._all.append(made)
        return made


def at(place: str, **limits: Any) -> SqliteStates:
    """The limits are those of a worker's memory."""
    return SqliteStates(place)
