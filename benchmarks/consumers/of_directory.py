"""A directory's files beside claiming each by a rename, reading it, and moving it away."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pelton.event_sources import Source
from pelton.event_sources.sources.directory import Directory

from .shape import BODY, Kept


class OfDirectory(Kept):
    what, messages = "a directory", 1_000

    def source(self, name: str) -> Source:
        return Directory(Path(self.address, name))

    async def put(self, name: str) -> None:
        folder = Path(self.address, name)
        folder.mkdir()
        for number in range(self.messages):
            (folder / f"{number:05d}").write_bytes(BODY)

    async def floor(self, name: str) -> float:
        start = time.perf_counter()
        folder = Path(self.address, name)
        for each in ("claimed", "done"):
            (folder / each).mkdir()
        for file in sorted(os.listdir(folder)):
            if (folder / file).is_file():
                claimed = folder / "claimed" / file
                (folder / file).rename(claimed)
                claimed.read_bytes()
                claimed.rename(folder / "done" / file)
        return self.messages / (time.perf_counter() - start)
