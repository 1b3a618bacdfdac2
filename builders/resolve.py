"""Requirements become wheels for the target's Python and platform, by `uv`, without Docker.

What is resolved is written to a lock with hashes, once per requirements and target, and reused:
so a rebuild takes the same files and needs no network.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import CannotResolve
from .target import Target

# Written by uv for itself; of no use in an artifact, and not the same on every machine.
LEFT_OUT = frozenset({"uv_cache.json", "uv_build.json", "REQUESTED", "direct_url.json", ".lock"})


def default_cache() -> Path:
    """Where locks, installed requirements and compressed members are kept between builds."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pelton" / "build"


@dataclass(frozen=True)
class Resolver:
    """cache: a folder kept between builds; find_links: folders with wheels to look in first;
    offline: use nothing but those and what is cached."""

    cache: Path
    find_links: tuple[Path, ...] = ()
    offline: bool = False

    def install(self, requirements: Sequence[str], target: Target) -> Path | None:
        """A folder with the installed requirements; None when there are none.

        Raises `CannotResolve` with what the resolver said.
        """
        if not requirements:
            return None
        key = self._key(requirements, target)
        folder = self.cache / "installed" / key
        if not folder.exists():
            self._make(folder, self._lock(requirements, target, key), requirements, target)
        return folder

    def _key(self, requirements: Sequence[str], target: Target) -> str:
        said = [sorted(requirements), target.python, target.uv_platform]
        said.append([str(each) for each in self.find_links])
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:24]

    def _lock(self, requirements: Sequence[str], target: Target, key: str) -> Path:
        lock = self.cache / "locks" / f"{key}.txt"
        if not lock.exists():
            lock.parent.mkdir(parents=True, exist_ok=True)
            made = self._uv(
                [
                    "pip",
                    "compile",
                    "--quiet",
                    "--generate-hashes",
                    "--no-header",
                    "--no-annotate",
                    "-",
                ],
                requirements,
                target,
                "\n".join(requirements),
            )
            draft = lock.with_suffix(f".{os.getpid()}")
            draft.write_text(made)
            draft.replace(lock)
        return lock

    def _make(self, folder: Path, lock: Path, requirements: Sequence[str], target: Target) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=folder.parent))
        try:
            self._uv(
                ["pip", "install", "--quiet", "--require-hashes", "--no-compile-bytecode",
                 "--link-mode", "copy", "--target", str(draft), "--requirement", str(lock)],
                requirements,
                target,
            )  # fmt: skip
            _tidy(draft)
            _check_tags(draft, target)
            draft.rename(folder)
        except OSError:
            if not folder.exists():  # else another build was first, with the same content
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _uv(
        self, words: Sequence[str], requirements: Sequence[str], target: Target, text: str = ""
    ) -> str:
        import uv

        command = [
            uv.find_uv_bin(), *words, "--python", sys.executable, "--only-binary", ":all:",
            "--python-version", target.python, "--python-platform", target.uv_platform,
            *(word for each in self.find_links for word in ("--find-links", str(each))),
            *(["--offline"] if self.offline else []),
        ]  # fmt: skip
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotResolve(
                f"requirements {', '.join(requirements)} cannot be had as wheels for "
                f"Python {target.python} on {target.uv_platform}:\n{done.stderr.strip()}\n"
                "Pin another version, or leave out what has no wheel for that platform."
            )
        return done.stdout


def _tidy(folder: Path) -> None:
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for path in sorted(folder.rglob("*")):
        if path.name in LEFT_OUT or path.suffix == ".pyc":
            path.unlink()


def _check_tags(folder: Path, target: Target) -> None:
    """Every wheel says for which platform it is; one for another is refused by name."""
    machine = target.uv_platform.partition("-")[0]
    for path in folder.glob("*.dist-info/WHEEL"):
        tags = [line[5:] for line in path.read_text().splitlines() if line.startswith("Tag: ")]
        platforms = [tag.rpartition("-")[2] for tag in tags]
        if not any(p == "any" or (p.endswith(machine) and "linux" in p and "musl" not in p)
                   for p in platforms):  # fmt: skip
            raise CannotResolve(
                f"{path.parent.name} is built for {', '.join(platforms)}, "
                f"not for {target.uv_platform}"
            )
