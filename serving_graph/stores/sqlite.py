"""A store in an SQLite file: for the processes of one machine, over a kill of any of them.

What a step does in the same file by `execute` is committed with its answer, or not at all: such
effects happen exactly once, whenever the process is killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from ..sqlite_file import SqliteFile
from .base import Claim, Store, new_token

_TABLE = """create table if not exists pelton_once
    (key text primary key, token text not null, answer text, ends real not null) without rowid"""
_TIDY = 1000  # claims of a thread between two looks for what has outlived its time


class SqliteStore:
    """See `base.Store`.  now: seconds since the epoch."""

    def __init__(self, url: str, now: Callable[[], float] = time.time) -> None:
        self.url, self.now = url, now
        self._file = SqliteFile(url.partition(":")[2], _TABLE)
        self._local = self._file.local

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement as a part of the `once` step that this thread is in.

        Raises RuntimeError outside of one, and where several events of one thread are inside.
        """
        if len(self._claims) != 1:
            inside = "no step" if not self._claims else f"{len(self._claims)} events"
            raise RuntimeError(f"{self.url}: {inside} of this thread are inside once()")
        connection = self._file.connection
        if not connection.in_transaction:
            connection.execute("begin immediate")
        return connection.execute(sql, values)

    def claim(self, key: str, seconds: float) -> Claim:
        now, connection = self.now(), self._file.connection
        if connection.in_transaction:
            return Claim(after=1.0)  # another event of this thread is writing: after it
        with _transaction(connection):
            row = connection.execute(
                "select answer, ends from pelton_once where key = ?", (key,)
            ).fetchone()
            if row is not None and row[1] > now:
                return Claim(answer=row[0], after=0.0 if row[0] is not None else row[1] - now)
            token = new_token()
            connection.execute(
                "insert or replace into pelton_once values (?, ?, null, ?)",
                (key, token, now + seconds),
            )
        self._claims.add(token)
        count = self._local.__dict__.setdefault("count", 0) + 1
        self._local.count = count % _TIDY
        if count == _TIDY:
            self.forget()
        return Claim(token)

    def keep(self, key: str, token: str, answer: str, seconds: float) -> bool:
        self._claims.discard(token)
        connection = self._file.connection
        if not connection.in_transaction:
            connection.execute("begin immediate")
        with _ending(connection) as end:
            kept = connection.execute(
                "update pelton_once set answer = ?, ends = ? where key = ? and token = ?"
                " and answer is null",
                (answer, self.now() + seconds, key, token),
            )
            # Without the claim, what was done under it must not stay.
            end.commit = kept.rowcount == 1
        return end.commit

    def release(self, key: str, token: str) -> None:
        self._claims.discard(token)
        connection = self._file.connection
        if connection.in_transaction:
            connection.rollback()
        with _transaction(connection):
            connection.execute(
                "delete from pelton_once where key = ? and token = ? and answer is null",
                (key, token),
            )

    def forget(self) -> int:
        """Remove what has outlived its time; how many answers that were."""
        with _transaction(self._file.connection):
            gone = self._file.connection.execute(
                "delete from pelton_once where ends <= ?", (self.now(),)
            )
        return int(gone.rowcount)

    def close(self) -> None:
        self._file.close()

    @property
    def _claims(self) -> set[str]:
        claims: set[str] = self._local.__dict__.setdefault("claims", set())
        return claims


class _ending:
    """The end of an open transaction: committed unless `commit` is False, or an error comes."""

    def __init__(self, connection: Any) -> None:
        self._connection, self.commit = connection, True

    def __enter__(self) -> _ending:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None and self.commit:
            self._connection.commit()
        else:
            self._connection.rollback()


def _transaction(connection: Any) -> _ending:
    connection.execute("begin immediate")
    return _ending(connection)


def at(url: str) -> Store:
    return SqliteStore(url)
