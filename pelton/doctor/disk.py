"""Room on the disks that are written: the cache and the temporary folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..builders.resolve import default_cache
from .finding import OK, PROBLEM, WARNING, Ask, Finding

NAME = "disk"
LEAST, COMFORTABLE = 1 << 30, 5 << 30


def look(ask: Ask) -> Iterator[Finding]:
    """One finding a folder."""
    for what, folder in (
        ("cache of wheels and bytecode", default_cache()),
        ("temporary folder", Path(tempfile.gettempdir())),
    ):
        there = next(each for each in (folder, *folder.parents) if each.is_dir())
        yield judge(what, folder, shutil.disk_usage(there).free, _can_write(there))


def judge(what: str, folder: Path, free: int, writable: bool) -> Finding:
    """
    >>> judge("cache", Path("/c"), 2**30 * 3, True).what
    'cache /c: 3.0 GB free'
    """
    if not writable:
        advice = "make it writable, or set XDG_CACHE_HOME or TMPDIR to a folder that is"
        return Finding(NAME, PROBLEM, f"{what} {folder}: nothing can be written there", advice)
    said = f"{what} {folder}: {free / (1 << 30):.1f} GB free"
    if free >= COMFORTABLE:
        return Finding(NAME, OK, said)
    advice = "free some: `uv cache prune` takes what is not used any more from the cache of wheels"
    return Finding(NAME, PROBLEM if free < LEAST else WARNING, said, advice)


def _can_write(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
