"""One SQLite file for many threads and processes: a connection a thread, every write on the disk.

What keeps something in a file (`stores.sqlite`, `states.sqlite`) has one of these.
"""

from __future__ import annotations

from typing import Any

PATIENCE = 30.0  # seconds for another process's write


class SqliteFile:
    """Connections to `path`, in which `table` (a statement) has been run."""

    def __init__(self, path: str, table: str) -> None:
        from threading import local

        self._all: list[Any] = []
        self.local = local()
        self.path, self._table = path, table

    @property
    def connection(self) -> Any:
        """This thread's own, outside any transaction."""
        made = getattr(self.local, "connection", None)
        if made is None:
            import sqlite3

            made = sqlite3.connect(
                self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            made.execute("pragma journal_mode = wal")
            made.execute("pragma synchronous = full")  # what was said to be kept is kept
            made.execute(self._table)
            self.local.connection = made
            self._all.append(made)
        return made

    def close(self) -> None:
        """Every thread's; the next use opens the file again."""
        while self._all:
            self._all.pop().close()
        self.local.__dict__.clear()

    def __del__(self) -> None:
        self.close()  # of one that nobody has closed, such as a worker's that just ended
