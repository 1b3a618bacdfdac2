"""One SQLite file for many threads and processes: a connection a thread, every write on the disk.

What keeps something in a file (`stores.sqlite`, `states.sqlite`) has one of these.
"""

from __future__ import annotations

from typing import Any

PATIENCE = 30.0  # seconds for another process's write


class SqliteFile:
    """Connections to `path`, in which `table` (a statement) has been run."""

    def __init__(self, path: str, table: str, patience: float = PATIENCE) -> None:
        from threading import local

        self._all: list[Any] = []
        self.local = local()
        self.path, self._table, self._patience = path, table, patience

    @property
    def connection(self) -> Any:
        """This thread's own, outside any transaction."""
        made = getattr(self.local, "connection", None)
        if made is None:
            import sqlite3

            made = sqlite3.connect(
                self.path, timeout=self._patience, isolation_level=None, check_same_thread=False
            )
            self._all.append(made)
            _write_ahead(made, self._patience)
            made.execute("pragma synchronous = full")  # what was said to be kept is kept
            made.execute(self._table)
            self.local.connection = made
        return made

    def close(self) -> None:
        """Every thread's; the next use opens the file again."""
        while self._all:
            self._all.pop().close()
        self.local.__dict__.clear()

    def __del__(self) -> None:
        self.close()  # of one that nobody has closed, such as a worker's that just ended


def _write_ahead(connection: Any, patience: float) -> None:
    """Turns the write-ahead log on, waiting also for those who turn it on at this moment.

    SQLite's own patience does not hold here: it says SQLITE_BUSY at once, since two who both wait
    to raise a read into a write would wait for ever.
    """
    from sqlite3 import SQLITE_BUSY, OperationalError
    from time import monotonic, sleep

    until = monotonic() + patience
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
            return
        except OperationalError as error:
            if error.sqlite_errorcode != SQLITE_BUSY or monotonic() >= until:
                raise
        sleep(0.005)
