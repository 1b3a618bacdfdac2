"""A trial import of the user's code in a clean child process: what it imports by name, and where.

What static reading cannot see (`import_module(name)`, plug-ins, entry points) is seen here as far
as it happens while the module is imported.  Nothing of it changes what an artifact holds, which
would then depend on the machine: it is told, with what to add.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from .sources import Sources

CHILD = "trial_child.py"
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Seen:
    """A module of the user's imported by name: its place, and the file and line that asked."""

    place: str
    file: str
    line: int


def dynamic_notes(module: str, root: Path, sources: Sources) -> tuple[str, ...]:
    """Sentences on imports by name: what is missing in the artifact, what nobody can see."""
    if not sources.dynamic:
        return ()
    seen, fault = try_import(module, root)
    notes = [
        f"{each.file}:{each.line} imports {each.place} by name, which is not in the artifact: add "
        f'include=["{each.place}"]'
        for each in seen
        if each.place not in sources.files
    ]
    reached = {(each.file, each.line) for each in seen}
    notes += [
        f"{each.file}:{each.line} imports {each.module} when it runs: if that is a file of yours, "
        "name it in include=[…]"
        for each in sources.dynamic
        if (each.file, each.line) not in reached
    ]
    return (*dict.fromkeys(notes), *([fault] if fault else []))


def try_import(module: str, root: Path) -> tuple[list[Seen], str]:
    """(the user's modules that an import of `module` loads by name, what went wrong or "")."""
    with as_file(files(__package__) / CHILD) as child:
        command = [sys.executable, "-P", str(child), str(root), module]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=SECONDS, cwd=root,
                env=environment, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return [], f"a trial import of {module} took over {SECONDS} s and was given up"
    last = (done.stdout.strip().splitlines() or ["[]"])[-1]
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        return [], f"a trial import of {module} failed: {said}"
    found: list[tuple[str, str, int]] = json.loads(last)
    return [Seen(*each) for each in found], ""


def names_of(notes: Collection[str]) -> list[str]:
    """The places that notes say to add.

    >>> names_of(['a.py:1 imports b.py by name, …: add include=["b.py"]'])
    ['b.py']
    """
    return [each.partition('add include=["')[2].rstrip('"]') for each in notes if "add inc" in each]
