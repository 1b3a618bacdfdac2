"""The folder that builds keep things in: its parts by size, and how it is emptied.

Every entry is whole or not there, and can be made again.  What is removed is first moved out of the
way, so that a build that runs meanwhile finds an entry or finds none.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

DAY = 24 * 3600
# Drafts of builds that still run are younger than this.
DRAFT_DAYS = 1
# Where an entry is a folder, and by which file its last use is known.
USED = "manifest.json"


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each part of the cache, by its name."""
    if not folder.is_dir():
        return {}
    return {each.name: _size(each) for each in sorted(folder.iterdir())}


def clean(folder: Path) -> int:
    """Remove all of it; the bytes that this freed."""
    freed = sum(sizes(folder).values())
    if folder.is_dir():
        for each in list(folder.iterdir()):
            _remove(each)
    return freed


def prune(folder: Path, days: int) -> int:
    """Remove what was not used for so many days, and what killed builds left behind; the bytes
    that this freed."""
    now, freed = time.time(), 0
    for entry, used in _entries(folder):
        left = entry.name.startswith(("draft-", "."))
        if now - used > (DRAFT_DAYS if left else days) * DAY:
            freed += _size(entry)
            _remove(entry)
    return freed


def _entries(folder: Path) -> Iterator[tuple[Path, float]]:
    """(entry, when it was used last) of every part: folders with a manifest, and files.  A wheel is
    in use for as long as what was made of it is."""
    wheels = _wheels_used(folder / "installed")
    for part in list(folder.iterdir()) if folder.is_dir() else []:
        if part.name == "wheels" and part.is_dir():
            for entry in list(part.iterdir()):
                yield entry, max(entry.stat().st_mtime, wheels.get(entry.name, 0.0))
        elif part.name in ("installed", "built") and part.is_dir():
            for entry in list(part.iterdir()):
                mark = entry / USED
                yield entry, (mark if mark.exists() else entry).stat().st_mtime
        else:
            for path in [each for each in part.rglob("*") if each.is_file()]:
                yield path, path.stat().st_mtime


def _wheels_used(installed: Path) -> dict[str, float]:
    """When each wheel was used last, by its file's name: as the folders say that came of it."""
    found: dict[str, float] = {}
    for members in installed.glob("*/members.json"):
        try:
            used = (members.parent / USED).stat().st_mtime
            names = [Path(place).name for place, _ in json.loads(members.read_bytes())["wheels"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no whole folder: a build throws it away
        found |= {name: max(used, found.get(name, 0.0)) for name in names}
    return found


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(
        (Path(base) / name).stat().st_size for base, _, names in os.walk(path) for name in names
    )


def _remove(path: Path) -> None:
    if path.is_file():
        path.unlink(missing_ok=True)
        return
    aside = Path(tempfile.mkdtemp(prefix="draft-", dir=path.parent))
    path.rename(aside / "gone")
    shutil.rmtree(aside, ignore_errors=True)
