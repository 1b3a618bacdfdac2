"""Which files `include` patterns pass over: what never belongs into an artifact, and what the
app's own ignore file says.

The first of `IGNORE_FILES` beside the app speaks alone.  `.gitignore` is not among them: models and
generated data are usually ignored by git and are just what a function needs; a line
`#!include:.gitignore` in one of these brings it in.  A file named without a wildcard is always
taken, and so is code found by imports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BuildError

IGNORE_FILES = (".peltonignore", ".funcignore", ".dockerignore")
INCLUDE = "#!include:"
# Histories, caches, environments, secrets of the desk.
NEVER = (
    ".git/", ".hg/", ".svn/", "__pycache__/", "*.py[co]", ".mypy_cache/", ".pytest_cache/",
    ".ruff_cache/", ".hypothesis/", ".ipynb_checkpoints/", ".venv/", "venv/", "node_modules/",
    ".DS_Store", ".idea/", ".vscode/", ".env", ".env.*", ".pelton/", "*.swp",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ignores:
    """What is passed over; `lines`: (pattern, file, line) in the order in which they speak."""

    lines: tuple[tuple[str, str, int], ...]
    spec: Any

    def ignored(self, place: str) -> str:
        """Who ignores a file: "FILE:LINE (PATTERN)"; "" when nobody does."""
        found = self.spec.check_file(place)
        if not found.include:
            return ""
        pattern, file, line = self.lines[found.index]
        return f"{file}:{line} ({pattern})" if line else f"pelton itself ({pattern})"


def read_ignores(root: Path) -> Ignores:
    """The ignore file of a folder, on top of what is never taken.

    Raises `BuildError` for a pattern that cannot be read.
    """
    from pathspec import GitIgnoreSpec

    lines = [(each, "", 0) for each in NEVER]
    for name in IGNORE_FILES:
        if (root / name).is_file():
            lines += _lines(root, name)
            break
    try:
        spec = GitIgnoreSpec.from_lines(pattern for pattern, _, _ in lines)
    except ValueError as error:
        raise BuildError(f"an ignore file below {root} cannot be read: {error}") from None
    return Ignores(tuple(lines), spec)


def ignore_files(root: Path) -> Iterator[Path]:
    """Every file that `read_ignores` reads, and those that it would if they were there."""
    waiting = [next((name for name in IGNORE_FILES if (root / name).is_file()), "")]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name and name not in seen:
            seen.add(name)
            yield root / name
            if (root / name).is_file():
                text = (root / name).read_text(encoding="utf-8", errors="replace")
                lines = [each for each in text.splitlines() if each.startswith(INCLUDE)]
                waiting += [each.removeprefix(INCLUDE).strip() for each in lines]


def _lines(root: Path, name: str, inside: tuple[str, ...] = ()) -> Iterator[tuple[str, str, int]]:
    text = (root / name).read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        other = line.removeprefix(INCLUDE).strip() if line.startswith(INCLUDE) else ""
        if other and other not in (name, *inside) and (root / other).is_file():
            yield from _lines(root, other, (name, *inside))
        else:
            yield line, name, number
