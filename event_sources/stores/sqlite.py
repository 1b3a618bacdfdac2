"""A store in an SQLite file: for the workers of one machine, over a kill of any of them.

Times are by the machine's clock that is never set, which its processes share.  Where it was started
anew meanwhile, or has no name for when it was, a claim is over when it was seen to stand for its
length, and what is done is remembered by the time of day.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from ..errors import Away
from .base import Claim, new_token
from .clocks import Watched, this_boot

T = TypeVar("T")
_TABLE = """create table if not exists pelton_events_done
    (key text primary key, token text not null, done integer not null, ends real not null,
    length real not null default 0, boot text not null default '', steady real not null default 0)
    without rowid"""
# What a file of an earlier version does not say: for how long, and when by the steady clock.
_ADDED = {
    "length": "real not null default 0",
    "boot": "text not null default ''",
    "steady": "real not null default 0",
}
_SET = "update pelton_events_done set ends = ?, boot = ?, steady = ?"
# Claims of before are left to who sees them stand: by the time of day none of them is over.
_OVER = "(boot = ? and steady <= ?) or (boot is not ? and done = 1 and ends <= ?)"
_MARKS = """create table if not exists pelton_events_marks
    (key text primary key, value real not null) without rowid"""
_NOTES = """create table if not exists pelton_events_notes
    (key text primary key, text text not null) without rowid"""
_TIDY = 1000  # calls between two looks for what has outlived its time


class SqliteStore:
    """
    path:   the file, made when it is not there
    now:    seconds since the epoch;  steady: seconds that are never set
    boot:   names what they are counted from, the same for all workers; None for since when this
            machine runs
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        boot: str | None = None,
    ) -> None:
        self.path, self._now, self._calls = os.fspath(path), now, 0
        self._steady, self._watched = steady, Watched(steady)
        self._boot = this_boot() if boot is None else boot
        self._lock = threading.Lock()
        self._made: sqlite3.Connection | None = None

    async def claim(self, keys: Sequence[str], seconds: float) -> list[Claim]:
        return await self._in_thread(lambda file: [self._claim(file, k, seconds) for k in keys])

    async def keep(self, tokens: Mapping[str, str], seconds: float) -> None:
        rows = [(*self._ends(seconds), key, token) for key, token in tokens.items()]
        sql = f"{_SET}, done = 1 where key = ? and token = ?"
        await self._in_thread(lambda file: _change(file, sql, rows))

    async def release(self, tokens: Mapping[str, str]) -> None:
        rows = list(tokens.items())
        sql = "delete from pelton_events_done where key = ? and token = ? and done = 0"
        await self._in_thread(lambda file: _change(file, sql, rows))

    async def renew(self, tokens: Mapping[str, str], seconds: float) -> None:
        rows = [(*self._ends(seconds), seconds, key, token) for key, token in tokens.items()]
        sql = f"{_SET}, length = ? where key = ? and token = ? and done = 0"
        await self._in_thread(lambda file: _change(file, sql, rows))

    async def mark(self, key: str) -> float | None:
        sql = "select value from pelton_events_marks where key = ?"
        row = await self._in_thread(lambda file: file.execute(sql, (key,)).fetchone())
        return None if row is None else float(row[0])

    async def set_mark(self, key: str, value: float) -> None:
        sql = "insert or replace into pelton_events_marks values (?, ?)"
        await self._in_thread(lambda file: _change(file, sql, [(key, value)]))

    async def note(self, key: str) -> str:
        sql = "select text from pelton_events_notes where key = ?"
        row = await self._in_thread(lambda file: file.execute(sql, (key,)).fetchone())
        return "" if row is None else str(row[0])

    async def set_note(self, key: str, text: str) -> None:
        sql = "insert or replace into pelton_events_notes values (?, ?)"
        await self._in_thread(lambda file: _change(file, sql, [(key, text)]))

    async def close(self) -> None:
        with self._lock:
            if self._made is not None:
                self._made.close()
                self._made = None

    def _claim(self, file: sqlite3.Connection, key: str, seconds: float) -> Claim:
        if (standing := self._standing(file, key)) is not None:
            return standing
        token = new_token()
        ends, boot, steady = self._ends(seconds)
        file.execute(
            "insert or replace into pelton_events_done values (?, ?, 0, ?, ?, ?, ?)",
            (key, token, ends, seconds, boot, steady),
        )
        return Claim(token)

    def _ends(self, seconds: float) -> tuple[float, str, float]:
        """That many seconds from now, as a row says it: by the time of day, and steadily."""
        return self._now() + seconds, self._boot, self._steady() + seconds

    def _standing(self, file: sqlite3.Connection, key: str) -> Claim | None:
        """Why the key cannot be claimed; None when it can."""
        sql = "select done, token, ends, length, boot, steady from pelton_events_done where key = ?"
        found = file.execute(sql, (key,))
        row = found.fetchone()
        found.close()
        if row is None:
            return None
        done, token, ends, length, boot, steady = row
        if boot and boot == self._boot:
            left = steady - self._steady()
        elif done or not length:
            left = ends - self._now()
        else:
            left = self._watched.left(key, f"{token} {boot} {steady}", length)
        if left <= 0:
            return None
        return Claim(done=True) if done else Claim(after=left)

    async def _in_thread(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """Off the event loop: a disk may take its time."""
        try:
            return await asyncio.to_thread(self._at_once, act)
        except sqlite3.Error as error:
            raise Away(f"{self.path}: {error}") from error

    def _at_once(self, act: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            file = self._connection()
            file.execute("begin immediate")
            try:
                found = act(file)
                self._tidy(file)
            except BaseException:
                file.rollback()
                raise
            file.commit()
            return found

    def _tidy(self, file: sqlite3.Connection) -> None:
        self._calls += 1
        if self._calls % _TIDY == 0:
            boot, steady, now = self._boot or None, self._steady(), self._now()
            sql = f"delete from pelton_events_done where {_OVER}"
            file.execute(sql, (boot, steady, boot, now)).close()

    def _connection(self) -> sqlite3.Connection:
        if self._made is None:
            made = sqlite3.connect(
                self.path, timeout=30, isolation_level=None, check_same_thread=False
            )
            for each in self._pragmas():
                made.execute(each)
            made.execute(_TABLE)
            self._add_columns(made)
            made.execute(_MARKS)
            made.execute(_NOTES)
            self._made = made
        return self._made

    def _add_columns(self, made: sqlite3.Connection) -> None:
        made.execute("begin immediate")  # of several that open the file, one adds them
        there = {each[1] for each in made.execute("pragma table_info(pelton_events_done)")}
        for name, kind in _ADDED.items():
            if name not in there:
                made.execute(f"alter table pelton_events_done add column {name} {kind}")
        made.commit()

    def _pragmas(self) -> Iterable[str]:
        return ("pragma journal_mode = wal", "pragma synchronous = normal")


def _change(file: sqlite3.Connection, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
    # A cursor that ends elsewhere resets its statement there, while another thread is at it.
    file.executemany(sql, rows).close()
