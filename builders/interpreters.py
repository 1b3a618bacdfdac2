"""Which Pythons this machine has: a target's own interpreter compiles its bytecode."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# Where they are looked for, as far as the environment says.
_WHERE = ("PATH", "PYENV_ROOT", "XDG_DATA_HOME", "HOME")


def interpreter(version: str) -> str | None:
    """The path of a Python "3.12"; None when there is none here.

    >>> import sys
    >>> interpreter(f"3.{sys.version_info.minor}") == sys.executable
    True
    >>> interpreter("2.0")
    """
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    return _found(version, _where())


def _where() -> tuple[str, ...]:
    return tuple(os.environ.get(name, "") for name in _WHERE)


@cache
def _found(version: str, where: tuple[str, ...]) -> str | None:
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    for path in candidates(version):
        if path.exists():  # and it answers: a version manager's shim may not
            asked = subprocess.run(
                [path, "-I", "-c", question], capture_output=True, text=True, check=False
            )
            if asked.stdout.strip() == version:
                return str(path)
    return None


def there(version: str) -> tuple[str, ...]:
    """The candidates that are there, as this process found them."""
    return _there(version, _where())


@cache
def _there(version: str, where: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(each) for each in candidates(version) if each.exists())


def candidates(version: str) -> Iterator[Path]:
    """Where a Python of that version usually is: the search path, pyenv's and uv's folders."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield Path(folder) / f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    data = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share"))
    for root, pattern in (
        (pyenv, f"{version}.*"),
        (data / "uv" / "python", f"cpython-{version}.*"),
    ):
        yield from sorted(root.glob(f"{pattern}/bin/python{version}"), reverse=True)
