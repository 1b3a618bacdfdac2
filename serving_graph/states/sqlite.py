"""States in an SQLite file: of all processes of one machine, over a kill of any of them."""

from __future__ import annotations

from typing import Any

from ..sqlite_file import SqliteFile

_TABLE = """create table if not exists pelton_state
    (key text primary key, state text not null, version integer not null) without rowid"""


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
        self.path, self._file = path, SqliteFile(path, _TABLE)

    def get(self, key: str) -> tuple[str, int] | None:
        asked = "select state, version from pelton_state where key = ?"
        row: tuple[str, int] | None = self._file.connection.execute(asked, (key,)).fetchone()
        return row

    def put(self, key: str, state: str, version: int) -> bool:
        if version:
            change = "update pelton_state set state = ?, version = ? where key = ? and version = ?"
            values: tuple[Any, ...] = (state, version + 1, key, version)
        else:
            change = "insert or ignore into pelton_state (state, version, key) values (?, 1, ?)"
            values = (state, key)
        return bool(self._file.connection.execute(change, values).rowcount == 1)

    def close(self) -> None:
        self._file.close()


def at(place: str, **limits: Any) -> SqliteStates:
    """The limits are those of a worker's memory."""
    return SqliteStates(place)
