"""How far each shard of each mapping has been processed, kept over a restart or a kill.

A table of its own, beside the registry: it is written after every batch, so a commit must not wait
for the disk (WAL, which a kill of the process does not hurt).  A position that is lost with the
machine means records that are processed again, never records that are not.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

_TABLE = """CREATE TABLE IF NOT EXISTS positions (
    mapping TEXT NOT NULL, shard TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (mapping, shard)
) WITHOUT ROWID"""


class Positions:
    """The positions of one data directory.

    >>> import tempfile
    >>> positions = Positions(Path(tempfile.mkdtemp()) / "positions.sqlite")
    >>> positions.put("mapping", "shard-1", {"after": "17"})
    >>> positions.of("mapping"), positions.of("other")
    ({'shard-1': {'after': '17'}}, {})
    >>> positions.close()
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(_TABLE)

    def of(self, mapping: str) -> dict[str, Any]:
        """Every shard's position of a mapping, by shard."""
        rows = self._database.execute(
            "SELECT shard, body FROM positions WHERE mapping = ?", (mapping,)
        )
        return {shard: json.loads(body) for shard, body in rows}

    def put(self, mapping: str, shard: str, body: Any) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (mapping, shard, json.dumps(body))
        )

    def forget(self, mapping: str) -> None:
        self._database.execute("DELETE FROM positions WHERE mapping = ?", (mapping,))

    def clear(self) -> None:
        self._database.execute("DELETE FROM positions")

    def close(self) -> None:
        self._database.close()
