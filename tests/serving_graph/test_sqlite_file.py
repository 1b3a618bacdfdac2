"""One file, many who open it at once: whoever comes while another writes waits."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from pelton.serving_graph.sqlite_file import SqliteFile

TABLE = "create table if not exists kept (key text primary key)"


def _written_by_another(path: Path) -> sqlite3.Connection:
    """A connection in the middle of a write, to a file that has no write-ahead log yet."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    return other


def test_the_first_to_open_waits_for_another_who_is_writing(tmp_path: Path) -> None:
    other = _written_by_another(tmp_path / "kept.db")
    end = threading.Timer(0.05, other.execute, ["commit"])
    end.start()
    file = SqliteFile(str(tmp_path / "kept.db"), TABLE)
    assert file.connection.execute("pragma journal_mode").fetchone() == ("wal",)
    end.join()
    other.close()
    file.close()


def test_it_gives_up_when_its_patience_ends(tmp_path: Path) -> None:
    other = _written_by_another(tmp_path / "kept.db")
    file = SqliteFile(str(tmp_path / "kept.db"), TABLE, patience=0.02)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        file.connection.execute("select 1")
    other.close()
    file.close()
