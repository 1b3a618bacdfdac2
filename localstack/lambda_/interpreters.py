"""Which Pythons this machine has, and whether each really runs.

A function's runtime names a version ("python3.12"); here that becomes an executable and what a
sandbox must know of it.  Nothing is believed by its file name: each candidate is asked.  It knows
no function and no runtime client.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

# Lambda's Python runtimes that its present runtime client is made for.
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
ANSWER_SECONDS = 10  # a version manager's shim may hang
# Python 3.11 fills these when they are first asked for, and shows them half filled to a thread that
# asks meanwhile: functions that start together would miss a part of the library.
sysconfig.get_config_vars()

_QUESTION = """
import json, os, sys, sysconfig
print(json.dumps({
    "version": "%d.%d" % sys.version_info[:2],
    "release": "%d.%d.%d" % sys.version_info[:3],
    "executable": sys.executable,
    "prefix": os.path.realpath(sys.base_prefix),
    "library": [sysconfig.get_paths()["stdlib"], str(sysconfig.get_config_var("DESTSHARED"))],
    "tag": sys.implementation.cache_tag,
    "plain": sys.implementation.name == "cpython" and not sys.abiflags,
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that runs: `version` "3.12", `release` "3.12.1", `tag` "cpython-312".

    library: the folders of its standard library, as they are on `sys.path`
    prefix:  where it is installed, links followed
    """

    version: str
    release: str
    executable: str
    prefix: str
    library: tuple[str, ...]
    tag: str

    @property
    def runtime(self) -> str:
        """Its name as Lambda writes it.

        >>> own().runtime == f"python3.{sys.version_info.minor}"
        True
        """
        return f"python{self.version}"

    def at(self, prefix: str) -> Interpreter:
        """The same where its prefix is bound at another place.

        >>> Interpreter("3.12", "3.12.1", "/a/bin/python3.12", "/a", ("/a/lib/x",), "t").at("/b")
        Interpreter(version='3.12', release='3.12.1', executable='/b/bin/python3.12', prefix='/b', \
library=('/b/lib/x',), tag='t')
        """
        library = tuple(
            prefix + each.removeprefix(self.prefix) if each.startswith(f"{self.prefix}/") else each
            for each in self.library
        )
        executable = f"{prefix}/bin/{self.runtime}"
        return replace(self, executable=executable, prefix=prefix, library=library)


@cache
def own() -> Interpreter:
    """The Python that the emulator itself runs on."""
    release = sys.version_info
    return Interpreter(
        f"{release.major}.{release.minor}",
        f"{release.major}.{release.minor}.{release.micro}",
        sys.executable,
        os.path.realpath(sys.base_prefix),
        (sysconfig.get_paths()["stdlib"], str(sysconfig.get_config_var("DESTSHARED"))),
        sys.implementation.cache_tag or "",
    )


@cache
def find(version: str) -> Interpreter | None:
    """A Python "3.12" on this machine, the emulator's own first; None when there is none.

    >>> find(own().version) == own()
    True
    >>> find("2.0")
    """
    if version == own().version:
        return own()
    for path in _candidates(version):
        if path.exists():
            found = _ask(path)
            if found is not None and found.version == version:
                return found
    return None


def _candidates(version: str) -> Iterator[Path]:
    """Where a Python of that version usually is: pyenv's and uv's folders, the search path.

    Those folders come first, because what pyenv puts on the search path takes a quarter of a
    second to find them.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    data = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share"))
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", data / "uv" / "python"))
    for root, pattern in ((pyenv, f"{version}.*"), (uv, f"cpython-{version}.*")):
        yield from sorted(root.glob(f"{pattern}/bin/python{version}"), reverse=True)
    folders = [Path(each) for each in os.environ.get("PATH", "").split(os.pathsep) if each]
    yield from (folder / f"python{version}" for folder in folders)
    yield from (folder / "python3" for folder in folders)


def _ask(path: Path) -> Interpreter | None:
    """What the Python at `path` says of itself; None for one that does not answer well."""
    try:
        asked = subprocess.run(
            [path, "-I", "-S", "-c", _QUESTION],
            capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        said = json.loads(asked.stdout)
        plain = said.pop("plain")
        found = Interpreter(**{**said, "library": tuple(said["library"])})
    except (OSError, subprocess.TimeoutExpired, ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if plain else None
