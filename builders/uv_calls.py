"""Calls of `uv`, the resolver: one process a call, and what it says when it cannot.

The only place that starts it.  Knows nothing of functions, locks or caches.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import CannotResolve

# What would be compiled here would be compiled for this machine: sources that need it fail at once.
NO_COMPILERS = {name: "/bin/false" for name in ("CC", "CXX", "FC", "CARGO", "RUSTC", "CMAKE")}
_MARKS = re.compile(r"^\s*(error|cause|hint|warning):\s*")
# What uv says of a network that is not there, of a disk without room.
_NO_NETWORK = re.compile(
    r"error sending request|dns error|tcp connect|network was disabled|Failed to fetch|timed out",
    re.IGNORECASE,
)
_DISK_FULL = re.compile(r"No space left on device|os error 28\b|os error 122\b")
_NO_WHEELS = re.compile(
    r"(?:Because|and) (?:all versions of )?([\w.-]+?)(?:[=<>!~{]\S*)? ha(?:s|ve) no usable wheels"
)
_UNBUILT = re.compile(r"Failed to (?:download and )?build `([^`]+)`")
_MISMATCH = re.compile(r"Hash mismatch for `([^`]+)`")


@dataclass(frozen=True, slots=True)
class Said:
    """What a call gave: its exit code, its output, what it told."""

    code: int
    out: str
    told: str

    @property
    def cause(self) -> str:
        """The reason that it gives, as one line without its marks."""
        lines = [line for line in self.told.splitlines() if not line.lstrip().startswith("warning")]
        causes = [line for line in lines if line.strip() and "hint:" not in line]
        if len(causes) > 1 and causes[0].startswith("error: No solution found"):
            causes = causes[1:]
        return " ".join(_MARKS.sub("", line).strip() for line in causes)

    @property
    def hints(self) -> str:
        """Its advice, as one line."""
        found = re.findall(r"^hint: (.*)$", self.told, re.MULTILINE)
        return " ".join(each.strip() for each in found)

    @property
    def no_network(self) -> bool:
        return _NO_NETWORK.search(self.told) is not None

    @property
    def disk_full(self) -> bool:
        return _DISK_FULL.search(self.told) is not None

    @property
    def mismatch(self) -> str:
        """The distribution whose file is not the one that was pinned; "" for none."""
        found = _MISMATCH.search(self.told)
        return found[1] if found else ""

    @property
    def unbuilt(self) -> tuple[str, str]:
        """The distribution whose sources could not be built, and the last that was said of it;
        ("", "") for none."""
        found = _UNBUILT.search(self.told)
        lines = [e.strip() for e in self.told.partition("hint:")[0].splitlines() if e.strip()]
        return (found[1], _MARKS.sub("", lines[-1])) if found else ("", "")

    @property
    def without_wheels(self) -> tuple[str, ...]:
        """The distributions that only exist as sources.

        >>> told = "Because all versions of docopt have no usable wheels and you require docopt"
        >>> Said(1, "", told).without_wheels
        ('docopt',)
        """
        found = _NO_WHEELS.findall(self.told)
        found += re.findall(r"Wheels are required for `([\w.-]+)`", self.told)
        return tuple(dict.fromkeys(found))


def run_uv(words: Sequence[str], *, cwd: Path, text: str = "") -> Said:
    """Run `uv` with these words in a folder, `text` being its standard input."""
    import uv

    try:
        command = [uv.find_uv_bin(), "--quiet", "--color", "never", *words]
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            cwd=cwd,
            check=False,
            env=os.environ | NO_COMPILERS,
        )
    except FileNotFoundError as error:
        raise CannotResolve(
            f"the resolver uv is not installed beside pelton ({error}); run `pip install uv`"
        ) from None
    return Said(done.returncode, done.stdout, done.stderr)
