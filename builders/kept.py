"""What was built before, and whether it still stands: by looking at files, without reading them.

A record holds everything that a build looked at: size, times and inode of each file, the names in
each folder where an import could find another one, what the patterns of `include` matched.  While
all of it is as it was, and what was written still lies there, the build's answer is the same.  A
file of the user's whose times are others may still have the content that was read; one that changed
so shortly before a build that its times could not tell is compared by content in any case, and when
one changes while a build runs, nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .ignores import IGNORE_FILES, ignore_files
from .records import decode, encode

FORM = 5
# Times of files are as coarse as the kernel's clock ticks, and coarser on other machines' disks.
UNSURE_NS, TICK_NS = 2_000_000_000, 20_000_000
Signature = list[Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a build looked at.  files: read by it; folders: where imports were looked for; patterns:
    of `include`, below root; outputs: what it wrote; trees: folders that it wrote whole; read: the
    sha256 of what was read, where that is known; absent: what would have been read."""

    root: Path
    files: tuple[Path, ...]
    folders: tuple[Path, ...] = ()
    patterns: tuple[str, ...] = ()
    outputs: tuple[Path, ...] = ()
    trees: tuple[Path, ...] = ()
    read: Mapping[Path, str] = field(default_factory=dict)
    absent: tuple[Path, ...] = ()


class Changed(Exception):
    """A file is not what it was when it was read."""


def key_of(*said: object) -> str:
    """A record's name: everything a build was told that is not in a file."""
    return hashlib.sha256(repr((FORM, *said)).encode()).hexdigest()[:32]


def find(folder: Path, key: str) -> Any:
    """What was kept under `key`, when it still stands; else None."""
    try:
        record = json.loads((folder / f"{key}.json").read_bytes())
        root = Path(record["root"])
        if not all(_stands(each) for each in (*record["files"], *record["outputs"])):
            return None
        if any(map(os.path.exists, record["absent"])):
            return None
        if record["trees"] != [_tree(Path(each)) for each, _ in record["trees"]]:
            return None
        if record["folders"] != [[each, _names(Path(each))] for each, _ in record["folders"]]:
            return None
        patterns = [each for each, _ in record["patterns"]]
        if record["patterns"] != _matches(root, patterns):
            return None
        return decode(record["value"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # no record, or one of another version: the build is done anew


def keep(folder: Path, key: str, value: Any, looked: Looked, began_ns: int) -> None:
    """Keep what a build that began at `began_ns` gave, for as long as what it looked at stands.

    Where there is no room, or nothing may be written, nothing is kept: the build is as good.
    """
    try:
        files = dict.fromkeys(looked.files)
        record = {
            "root": str(looked.root),
            "files": [_signature(each, began_ns, looked.read.get(each, "")) for each in files],
            "outputs": [[str(path), *_told(os.stat(path)), "", True] for path in looked.outputs],
            "trees": [_tree(path) for path in looked.trees],
            "folders": [[str(each), _names(each)] for each in dict.fromkeys(looked.folders)],
            "patterns": _matches(looked.root, looked.patterns),
            "absent": [str(each) for each in looked.absent],
            "value": encode(value),
        }
    except (OSError, TypeError, Changed):
        return  # a file is gone or another meanwhile, or there is no form for it: nothing is kept
    draft = folder / f"{key}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(record, separators=(",", ":")))
        draft.replace(folder / f"{key}.json")
    except OSError:
        with suppress(OSError):
            draft.unlink()


def _signature(path: Path, began_ns: int, read: str) -> Signature:
    """[path, size, times, inode, sha256 or "", whether the same times mean the same content]."""
    found = os.stat(path)
    newest = max(found.st_mtime_ns, found.st_ctime_ns)
    if newest < began_ns - UNSURE_NS:
        return [str(path), *_told(found), read, True]
    now = _sha256(path)
    if (now != read) if read else (newest >= began_ns - TICK_NS):
        raise Changed
    return [str(path), *_told(found), now, newest < time.time_ns() - UNSURE_NS]


def _told(found: os.stat_result) -> list[int]:
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _stands(signature: Signature) -> bool:
    path, *told, digest, sure = signature
    same = _told(os.stat(path)) == told
    return (same and sure) or (bool(digest) and _sha256(Path(path)) == digest)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _names(folder: Path) -> str:
    """The names in a folder that an import could find, and its ignore files; a package's with "/"
    behind, for a folder that becomes one comes before a module of its name."""
    with os.scandir(folder) as entries:
        return " ".join(sorted(name for each in entries if (name := _findable(each))))


def _findable(entry: os.DirEntry[str]) -> str:
    if entry.is_dir():
        package = os.path.exists(os.path.join(entry.path, "__init__.py"))
        return f"{entry.name}/" if package else entry.name
    code = entry.name.endswith((".py", ".so"))
    return entry.name if code or entry.name in IGNORE_FILES else ""


def _matches(root: Path, patterns: Iterable[str]) -> list[list[Any]]:
    return [[each, sorted(str(path) for path in root.glob(each))] for each in patterns]


def looked(
    root: Path,
    sources: Iterable[Path],
    patterns: Sequence[str],
    outputs: Sequence[Path],
    out: Path,
    sought: Iterable[Path] = (),
    read: Mapping[Path, str] | None = None,
) -> Looked:
    """What a build looks at, from the user's files in it, what it wrote, and the folders in which
    it sought modules."""
    found = list(sources)
    folders = [root, *(each for each in root.iterdir() if _may_hold_modules(each, out))]
    folders += [parent for path in found for parent in path.parents if root in parent.parents]
    folders += [next(each for each in (path, *path.parents) if each.is_dir()) for path in sought]
    ignores = list(ignore_files(root))
    written = [each for path in outputs for each in (_below(path) if path.is_dir() else [path])]
    return Looked(
        root,
        (*found, *(each for each in ignores if each.is_file())),
        tuple(folders),
        tuple(patterns),
        tuple(written),
        tuple(path for path in outputs if path.is_dir()),
        read or {},
        tuple(each for each in ignores if not each.is_file()),
    )


def _may_hold_modules(folder: Path, out: Path) -> bool:
    return folder.is_dir() and folder.resolve() != out and not folder.name.startswith((".", "__"))


def _tree(folder: Path) -> list[Any]:
    """The names of all files in a folder that a build wrote: another one is not of it."""
    return [str(folder), sorted(map(str, _below(folder)))]


def _below(folder: Path) -> list[Path]:
    return [Path(at, name) for at, _, names in os.walk(folder) for name in names]


@cache
def own_files() -> tuple[Path, ...]:
    """Every module of pelton that ships or builds: a change there makes another artifact."""
    here = Path(__file__).parent
    folders = (here, *(here.parent / name for name in ("handlers", "runtime", "serving_graph")))
    found = [each for folder in folders for each in _below(folder) if each.suffix == ".py"]
    return (*found, here.parent / "__init__.py", here.parent / "steps.py")


@cache
def own_digest() -> str:
    """What those are, by their sizes and times, as this process found them: a part of keys."""
    told = [(str(each), _told(os.stat(each))) for each in own_files()]
    return hashlib.sha256(repr(told).encode()).hexdigest()
