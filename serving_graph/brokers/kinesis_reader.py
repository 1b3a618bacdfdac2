"""What takes from a Kinesis stream on one machine: processes that share its shards.

Lambda keeps the place in each shard of a deployed graph's streams; processes of this machine keep
it here, in a folder: a SQLite file says how far each shard is done and how often a record was
begun, a lock on a file says whose a shard is, and is free the moment its process dies.

Why a bridge's `event_sources/sources/shards.py` is not used: this ships in artifacts, where that
part is not, and there one worker has a whole stream; it says the rest.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..sqlite_file import SqliteFile
from ..steps.queue import Address
from .pending import Pending, Record, shard_order

MOST = 1000  # records of a shard that are held, and those of one request
PAUSE = 0.2  # seconds between two requests of a shard: it answers five a second
LOOK = 5.0  # seconds between two looks at which shards there are
_TABLES = """
create table if not exists shards (
  stream text, shard text, after text, ended integer default 0, primary key (stream, shard)
)
"""
_TRIES = """
create table if not exists tries (
  stream text, shard text, sequence text, tries integer, primary key (stream, shard, sequence)
)
"""


class Shard:
    """One shard that this process has."""

    def __init__(self, name: str, lock: int, pending: Pending) -> None:
        self.name, self.lock, self.pending = name, lock, pending
        self.iterator, self.last = "", pending.after  # the last that was read
        self.next_read = 0.0
        self.exhausted = False


class Reader:
    """One stream, as one process takes from it.

    client: boto3's;  folder: where the places are kept, shared by the processes
    """

    def __init__(self, client: Any, queue: Address, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._client, self._queue, self._folder = client, queue, folder
        self._file = SqliteFile(str(folder / "places.sqlite"), _TABLES)
        self._shards: dict[str, Shard] = {}
        self._next_look = 0.0
        self._file.connection.execute(_TRIES)

    def take(self, most: int, wait: float) -> list[tuple[Record, tuple[str, str]]]:
        """Up to `most` records, each with (shard, sequence); none when none came within `wait`."""
        late = time.monotonic() + wait
        while True:
            self._look()
            self._read()
            if found := self._due(most):
                self._begun(found)
                return found
            left = late - time.monotonic()
            if left <= 0:
                return []
            time.sleep(min(left, PAUSE / 2))

    def _due(self, most: int) -> list[tuple[Record, tuple[str, str]]]:
        found: list[tuple[Record, tuple[str, str]]] = []
        for shard in self._shards.values():
            taken = shard.pending.take(most - len(found))
            found += [(each, (shard.name, each.sequence)) for each in taken]
        return found

    def done(self, handles: Sequence[tuple[str, str]]) -> None:
        """Their work is done: the places go on behind them."""
        with _transaction(self._file) as run:
            for shard, sequence in handles:
                held = self._shards.get(shard)
                if held is None or not held.pending.done(sequence):
                    continue
                told = self._queue.name, shard
                run(
                    "delete from tries where stream=? and shard=? and sequence=?", (*told, sequence)
                )
                run(
                    "update shards set after=? where stream=? and shard=?",
                    (held.pending.after, *told),
                )

    def later(self, handle: tuple[str, str], seconds: float) -> None:
        """Hand it out again, so many seconds from now."""
        if (held := self._shards.get(handle[0])) is not None:
            held.pending.later(handle[1], seconds)

    def close(self) -> None:
        """Give the shards back."""
        for name in list(self._shards):
            os.close(self._shards.pop(name).lock)
        self._file.close()

    # -- which shards
    def _look(self) -> None:
        """Take one more shard, when one is free and may be read: who starts at the same time takes
        turns.  Shards that were read to their ends are given up, so that their children begin."""
        for each in [e for e in self._shards.values() if e.exhausted and not len(e.pending)]:
            self._run("update shards set ended=1 where stream=? and shard=?", each.name)
            os.close(self._shards.pop(each.name).lock)
            self._next_look = 0.0
        now = time.monotonic()
        if now < self._next_look:
            return
        for name in shard_order(self._listed(), self._ended()):
            if name not in self._shards and (lock := self._locked(name)) is not None:
                self._shards[name] = Shard(name, lock, self._pending(name))
                self._next_look = now + PAUSE
                return
        self._next_look = now + (LOOK if self._shards else PAUSE)

    def _listed(self) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("list_shards").paginate(StreamName=self._queue.name)
        return [each for page in pages for each in page["Shards"]]

    def _ended(self) -> set[str]:
        asked = "select shard from shards where stream=? and ended=1"
        return {name for (name,) in self._file.connection.execute(asked, (self._queue.name,))}

    def _locked(self, shard: str) -> int | None:
        path = self._folder / f"{self._queue.name}.{shard}.lock"
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def _pending(self, shard: str) -> Pending:
        self._run("insert or ignore into shards (stream, shard, after) values (?, ?, '')", shard)
        asked = "select after from shards where stream=? and shard=?"
        (after,) = self._run(asked, shard).fetchone()
        queue = self._queue
        return Pending(
            ordered=queue.ordered, window=queue.window, clock=time.monotonic, after=after
        )

    # -- reading
    def _read(self) -> None:
        for shard in self._shards.values():
            now = time.monotonic()
            if shard.exhausted or now < shard.next_read or len(shard.pending) >= MOST:
                continue
            shard.next_read = now + PAUSE
            for each in self._records(shard):
                shard.pending.add(each)

    def _records(self, shard: Shard) -> Iterator[Record]:
        if not shard.iterator:
            shard.iterator = self._iterator(shard)
        limit = MOST - len(shard.pending)
        try:
            told = self._client.get_records(ShardIterator=shard.iterator, Limit=limit)
        except self._client.exceptions.ExpiredIteratorException:
            shard.iterator = ""
            return
        except self._client.exceptions.ProvisionedThroughputExceededException:
            return
        shard.iterator = told.get("NextShardIterator") or ""
        shard.exhausted = not shard.iterator
        tries = self._tries(shard) if told["Records"] else {}
        for each in told["Records"]:
            number = shard.last = each["SequenceNumber"]
            yield Record(number, each["PartitionKey"], each["Data"], tries.get(number, 0))

    def _iterator(self, shard: Shard) -> str:
        where = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": shard.last}
            if shard.last
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        told = self._client.get_shard_iterator(
            StreamName=self._queue.name, ShardId=shard.name, **where
        )
        return str(told["ShardIterator"])

    # -- how often
    def _tries(self, shard: Shard) -> dict[str, int]:
        asked = "select sequence, tries from tries where stream=? and shard=?"
        return dict(self._run(asked, shard.name).fetchall())

    def _begun(self, found: Sequence[tuple[Record, tuple[str, str]]]) -> None:
        """Keep that these were begun: one that kills its process must not be tried for ever."""
        with _transaction(self._file) as run:
            for record, (shard, sequence) in found:
                told = self._queue.name, shard, sequence, record.tries
                run("insert or replace into tries values (?, ?, ?, ?)", told)

    def _run(self, statement: str, shard: str) -> Any:
        return self._file.connection.execute(statement, (self._queue.name, shard))


class _transaction:
    """One write to the disk for several statements."""

    def __init__(self, file: SqliteFile) -> None:
        self._connection = file.connection

    def __enter__(self) -> Any:
        self._connection.execute("begin immediate")
        return self._connection.execute

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._connection.execute("rollback" if kind else "commit")
