"""Where requirements come from: one kind of source a file, all of one shape.

Each kind has `KIND`, what it is called; `reads(path)`, whether a file is of it; and `read(file)`,
which gives its requirements as `Asked`.  Nothing here resolves, installs or asks an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from ..errors import CannotResolve
from ..target import Target
from . import file, poetry_lock, pylock, pyproject, uv_lock
from .base import Asked, Named, Requirement, joined, path_requirement

# The first that reads a file counts; what no other reads is a requirements file.
KINDS: tuple[ModuleType, ...] = (pyproject, uv_lock, poetry_lock, pylock, file)

__all__ = ["KINDS", "Asked", "Requirement", "asked_for", "files_named"]


def asked_for(words: Sequence[str], root: Path, target: Target, where: str) -> Asked:
    """What the `requirements` of a function ask for.

    words: as `Settings.requirements` has them; root: the folder that paths are relative to; where:
    the line that wrote them.  Raises `CannotResolve` with file and line.
    """
    return joined([_word(each, root, target, where) for each in words])


def files_named(words: Sequence[str], root: Path) -> list[Path]:
    """The files that the `requirements` of a function name."""
    named = [each[3:].strip() for each in words if each.startswith(("-r ", "-c "))]
    return [root / each.partition("[")[0].partition(":")[0] for each in named]


def _word(word: str, root: Path, target: Target, where: str) -> Asked:
    from ...handlers.checks import is_path

    if word.startswith("-r "):
        return read(Named.of(word[3:].strip(), root, target, where))
    if word.startswith("-c "):
        found = read(Named.of(word[3:].strip(), root, target, where))
        return found.as_constraints()
    if is_path(word):
        return Asked((path_requirement(word, root, where),))
    return Asked((Requirement(word, where),))


def read(named: Named) -> Asked:
    """The requirements of a file, by its kind."""
    if not named.path.is_file():
        raise CannotResolve(
            f"{named.where}: there is no file {named.path}; its name is relative to the folder of "
            "the app's file"
        )
    kind = next(each for each in KINDS if each.reads(named.path))
    try:
        found: Asked = kind.read(named)
    except UnicodeDecodeError:
        raise CannotResolve(f"{named.where}: {named.path.name} is no text in UTF-8") from None
    return found
