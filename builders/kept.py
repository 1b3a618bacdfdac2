"""What was built before, and whether it still stands: by looking at files, without reading them.

A record holds everything that a build looked at: size, times and inode of each file, the names in
each folder where an import could find another one, what the patterns of `include` matched.  While
all of it is as it was, and what was written still lies there, the build's answer is the same.  A
file that changed so shortly before a build that its times could not tell is compared by content.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .ignores import IGNORE_FILES
from .records import decode, encode

FORM = 2
# Times of files are as coarse as the kernel's clock ticks, and coarser on other machines' disks.
UNSURE_NS = 2_000_000_000
Signature = list[Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a build looked at.  files: read by it; folders: where imports were looked for; patterns:
    of `include`, below root; outputs: what it wrote; trees: folders that it wrote whole."""

    root: Path
    files: tuple[Path, ...]
    folders: tuple[Path, ...] = ()
    patterns: tuple[str, ...] = ()
    outputs: tuple[Path, ...] = ()
    trees: tuple[Path, ...] = ()


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
    """Keep what a build that began at `began_ns` gave, for as long as what it looked at stands."""
    try:
        record = {
            "root": str(looked.root),
            "files": [_signature(path, began_ns) for path in dict.fromkeys(looked.files)],
            "outputs": [_signature(path, None) for path in looked.outputs],
            "trees": [_tree(path) for path in looked.trees],
            "folders": [[str(each), _names(each)] for each in dict.fromkeys(looked.folders)],
            "patterns": _matches(looked.root, looked.patterns),
            "value": encode(value),
        }
    except (OSError, TypeError):
        return  # a file is gone meanwhile, or there is no form for it: nothing is kept
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{key}.{os.getpid()}"
    draft.write_text(json.dumps(record, separators=(",", ":")))
    draft.replace(folder / f"{key}.json")


def _signature(path: Path, began_ns: int | None) -> Signature:
    found = os.stat(path)
    sure = began_ns is None or max(found.st_mtime_ns, found.st_ctime_ns) < began_ns - UNSURE_NS
    return [str(path), *_told(found), "" if sure else _sha256(path)]


def _told(found: os.stat_result) -> list[int]:
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _stands(signature: Signature) -> bool:
    path, *told, digest = signature
    return _told(os.stat(path)) == told and (not digest or _sha256(Path(path)) == digest)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _names(folder: Path) -> str:
    """The names in a folder that an import could find, and its ignore files."""
    with os.scandir(folder) as entries:
        names = sorted(
            each.name for each in entries
            if each.name.endswith((".py", ".so")) or each.name in IGNORE_FILES or each.is_dir()
        )  # fmt: skip
    return " ".join(names)


def _matches(root: Path, patterns: Iterable[str]) -> list[list[Any]]:
    return [[each, sorted(str(path) for path in root.glob(each))] for each in patterns]


def looked(
    root: Path,
    sources: Iterable[Path],
    patterns: Sequence[str],
    outputs: Sequence[Path],
    out: Path,
) -> Looked:
    """What a build looks at, from the user's files in it and what it wrote."""
    found = list(sources)
    folders = [root, *(each for each in root.iterdir() if _may_hold_modules(each, out))]
    folders += [parent for path in found for parent in path.parents if root in parent.parents]
    ignores = [root / name for name in IGNORE_FILES if (root / name).is_file()]
    ignores += [root / ".gitignore"] if (root / ".gitignore").is_file() else []
    written = [each for path in outputs for each in (_below(path) if path.is_dir() else [path])]
    return Looked(
        root,
        (*found, *ignores, *own_files()),
        tuple(folders),
        tuple(patterns),
        tuple(written),
        tuple(path for path in outputs if path.is_dir()),
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
